# syntax=docker/dockerfile:1
#
# The images of the operator (the default) and of the simulator of the API (--target simulator). Each contains one static binary,
# the operator's also root certificates, and nothing else but licenses: for those of the crates that are linked, a release writes
# LICENSE-THIRD-PARTY with tools/notices before it builds.
#
# The compiler runs on the builder's own platform and compiles for the wanted one, so nothing is emulated:
#   docker buildx build --platform linux/amd64,linux/arm64 .

FROM --platform=$BUILDPLATFORM tonistiigi/xx:1.9.0@sha256:c64defb9ed5a91eacb37f96ccc3d4cd72521c4bd18d5442905b95e2226b0e707 AS xx

FROM --platform=$BUILDPLATFORM rust:1.95.0-alpine3.23@sha256:606fd313a0f49743ee2a7bd49a0914bab7deedb12791f3a846a34a4711db7ed2 AS build
COPY --from=xx / /
RUN apk add --no-cache ca-certificates clang lld make musl-dev
ARG TARGETPLATFORM
# aws-lc is built from C and assembly, for the wanted platform.
RUN xx-apk add --no-cache gcc linux-headers musl-dev
WORKDIR /build
# The commit that is built, for the log and the metric build_info.
ARG COMMIT=""
ENV METORIAL_OPERATOR_COMMIT=${COMMIT}
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY crates crates
# Not compiled, but Cargo requires every target that the manifest names to exist.
COPY tests tests
# One cache for each platform: builds for several of them run at the same time.
RUN --mount=type=cache,target=/usr/local/cargo/registry,id=cargo-registry \
    --mount=type=cache,target=/build/target,id=target-$TARGETPLATFORM \
    xx-cargo build --release --locked --target-dir target \
        --package metorial-operator --package metorial-simulator --bin metorial-operator --bin metorial-simulator \
    && for program in metorial-operator metorial-simulator; do \
        xx-verify --static "target/$(xx-cargo --print-target-triple)/release/$program" \
        && cp "target/$(xx-cargo --print-target-triple)/release/$program" "/$program" || exit 1; \
    done

FROM scratch AS simulator
ARG REVISION=""
ARG VERSION=""
LABEL org.opencontainers.image.title="metorial-simulator" \
      org.opencontainers.image.description="Stateful simulator of the Metorial API, for tests and trials." \
      org.opencontainers.image.source="https://github.com/metorial/metorial-operator" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.version="$VERSION"
COPY --chmod=644 LICENSE* /licenses/
COPY --from=build /metorial-simulator /metorial-simulator
USER 65532:65532
EXPOSE 8787
ENTRYPOINT ["/metorial-simulator"]
CMD ["--listen", "0.0.0.0"]

FROM scratch AS operator
ARG REVISION=""
ARG VERSION=""
LABEL org.opencontainers.image.title="metorial-operator" \
      org.opencontainers.image.description="Manages Metorial provider auth resources with Kubernetes custom resources." \
      org.opencontainers.image.source="https://github.com/metorial/metorial-operator" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --chmod=644 LICENSE* /licenses/
COPY --from=build /metorial-operator /metorial-operator
# A numeric user, because Kubernetes cannot check that a named user is not root (runAsNonRoot).
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/metorial-operator"]
CMD ["run"]
