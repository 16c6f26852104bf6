"use strict";

// Two models answer the same question side by side.

const panes = ["first", "second"].map((id) => ({ id, select: $(id), said: $(id + "-said"), messages: [] }));
let asking = null;

/** The data of a stream of events, as they come. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += part.value;
    const lines = text.split("\n\n");
    text = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data: ") && line !== "data: [DONE]") yield JSON.parse(line.slice(6));
    }
  }
}

function paragraph(pane, className, text) {
  const made = element("p", { className }, text);
  pane.said.append(made);
  pane.said.scrollTop = pane.said.scrollHeight;
  return made;
}

async function answer(pane, question, signal) {
  const model = pane.select.value;
  paragraph(pane, "you", question);
  const place = paragraph(pane, "it", "");
  try {
    const known = page.state.models.find((each) => each.name === model);
    if (!known || !known.loaded) {
      place.textContent = "loading…";
      await ask("/studio/load", { model });
      await refresh();
      place.textContent = "";
    }
    const isChat = $("mode").value === "chat";
    const messages = [...pane.messages, { role: "user", content: question }];
    const temperature = Number($("temperature").value);
    const body = { model, stream: true, max_tokens: Number($("tokens").value) || 128,
      temperature, ...(temperature > 0 ? { top_p: 0.95 } : {}),
      ...(isChat ? { messages } : { prompt: question }) };
    const response = await fetch(isChat ? "/v1/chat/completions" : "/v1/completions", { method: "POST", signal,
      body: JSON.stringify(body), headers: headers({ "Content-Type": "application/json" }) });
    if (!response.ok) throw new Error((await response.json()).error.message);
    let said = "";
    for await (const event of events(response)) {
      if (event.error) throw new Error(event.error.message);
      const choice = event.choices[0];
      said += (isChat ? choice.delta.content : choice.text) || "";
      place.textContent = said;
      pane.said.scrollTop = pane.said.scrollHeight;
    }
    if (!said.trim()) place.append(element("span", { className: "quiet" }, "(it says nothing)"));
    if (isChat) pane.messages = [...messages, { role: "assistant", content: said }];
  } catch (e) {
    place.append(element("span", { className: "quiet" }, e.name === "AbortError" ? " (stopped)" : " " + e.message));
  }
}

$("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const question = $("question").value;
  const those = panes.filter((pane) => pane.select.value);
  if (asking || !question.trim()) return;
  if (!those.length) {
    say("Choose who is to answer first.", true);
    return;
  }
  asking = new AbortController();
  $("stop").disabled = false;
  $("send").disabled = true;
  $("question").value = "";
  await Promise.all(those.map((pane) => answer(pane, question, asking.signal)));
  asking = null;
  $("stop").disabled = true;
  $("send").disabled = false;
  $("question").focus();
});

$("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("ask").requestSubmit();
  }
});

$("stop").addEventListener("click", () => asking && asking.abort());
$("forget").addEventListener("click", () => panes.forEach((pane) => {
  pane.messages = [];
  pane.said.replaceChildren();
}));
for (const pane of panes) pane.select.addEventListener("change", () => { pane.messages = []; });
