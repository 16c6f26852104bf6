package dev.phial.engine.report;

import java.nio.charset.StandardCharsets;

/** What all pages have in common: one file, no script, nothing from a network. */
final class Page {
  private static final String STYLE =
      """
      :root { color-scheme: light dark; --ink: #1d2329; --soft: #5f6b76; --rule: #dfe4e8; --paper: #fff; --front: #9aa5b0;
        --s0: #0067a5; --s1: #c24a00; --s2: #00805a; --s3: #a8428a; --s4: #8a6500; --s5: #1f7fb8; --s6: #6b4fb3; --s7: #59636c; }
      @media (prefers-color-scheme: dark) {
        :root { --ink: #e6eaee; --soft: #9ba7b2; --rule: #333c44; --paper: #14181c; --front: #6b7782;
          --s0: #5db3f0; --s1: #ff8f4d; --s2: #3fc796; --s3: #e58ccb; --s4: #e0b64a; --s5: #8ecbf2; --s6: #b3a0f5; --s7: #b4bec7; }
      }
      body { margin: 0 auto; padding: 1.2rem; max-width: 76rem; background: var(--paper); color: var(--ink);
        font: 16px/1.5 system-ui, sans-serif; }
      h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .3rem; overflow-wrap: anywhere; }
      h2 { font-size: 1.05rem; margin: 0 0 .2rem; }
      p { margin: 0 0 .6rem; color: var(--soft); overflow-wrap: anywhere; }
      .plots { display: grid; gap: 1.6rem; grid-template-columns: repeat(auto-fit, minmax(min(21rem, 100%), 1fr)); margin: 1.4rem 0; }
      section { min-width: 0; display: flex; flex-direction: column; }
      svg { display: block; margin-top: auto; width: 100%; max-width: 40rem; height: auto; font: 11px system-ui, sans-serif; }
      svg text { fill: var(--soft); }
      svg .label { fill: var(--ink); }
      .tick { font-size: 10px; }
      .grid { stroke: var(--rule); }
      .front { fill: none; stroke: var(--front); stroke-dasharray: 3 3; }
      .point { stroke-width: 1.5; fill: var(--paper); }
      .legend span { margin-right: 1rem; white-space: nowrap; color: var(--ink); }
      .legend span::before { content: ""; display: inline-block; width: .7rem; height: .7rem; margin-right: .4rem; border-radius: 50%; }
      code { color: var(--ink); overflow-wrap: anywhere; }
      a { color: var(--s0); }
      .line { fill: none; stroke-width: 1.8; }
      table { border-collapse: collapse; border-top: 1px solid var(--rule); font-size: .9rem; font-variant-numeric: tabular-nums;
        margin: 1rem 0 1.6rem; }
      th, td { padding: .35rem .9rem .35rem 0; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
      th { font-weight: 600; color: var(--soft); }
      th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; }
      @media (max-width: 56rem) {
        thead { display: none; }
        table, tbody, tr, td { display: block; }
        tr { border-bottom: 1px solid var(--rule); padding: .5rem 0; }
        td, td:first-child { border: 0; padding: .1rem 0; text-align: left; }
        td:first-child { font-weight: 600; }
        td:empty { display: none; }
        td:not(:first-child)::before { content: attr(data-name); display: inline-block; width: 8.5rem; color: var(--soft); }
      }
      td.long { white-space: normal; text-align: left; }
      dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .9rem; color: var(--soft); }
      dt { color: var(--ink); }
      dd { margin: 0; }
      """;

  private Page() {}

  /** The head of a page, and where its content begins. */
  static Markup begin(String title) {
    Markup page = new Markup();
    page.add("<!DOCTYPE html>")
        .add("<html lang=\"en\">")
        .add("<head>")
        .add("<meta charset=\"utf-8\">");
    page.add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    page.add(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">");
    page.add("<title>%s</title>", title);
    page.addStyle(STYLE + Looks.style());
    return page.add("</head>").add("<body>");
  }

  /** A plot under a heading. */
  static void section(Markup page, String title, String explanation, Markup plot) {
    page.add("<section>").add("<h2>%s</h2>", title).add("<p>%s</p>", explanation);
    page.add(plot).add("</section>");
  }

  /**
   * The end of a page, which is HTML then.
   *
   * @param name of a file that holds all figures
   * @param json its content
   */
  static String end(Markup page, Circumstances circumstances, String name, String json) {
    page.add(
        "<p>Made on %s by <code>%s</code> with %s on %s. All figures: ",
        circumstances.date(),
        circumstances.command(),
        circumstances.version(),
        circumstances.machine());
    page.addFile(name, "application/json", json.getBytes(StandardCharsets.UTF_8));
    return page.add("</p>").add("</body>").add("</html>").toString();
  }
}
