# Phial in a container: docker run -v "$PWD:/work" phial quantize demo --to gguf:Q4_K_M
FROM eclipse-temurin:25-jdk AS build
COPY . /phial
RUN /phial/bin/package /out >/dev/null && rm /out/*.tar.* && mv /out/phial-* /out/phial

FROM debian:stable-slim
COPY --from=build /out/phial /opt/phial
ENV XDG_CACHE_HOME=/cache HF_HOME=/cache/huggingface
VOLUME /cache
WORKDIR /work
ENTRYPOINT ["/opt/phial/phial"]
