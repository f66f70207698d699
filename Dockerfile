# The operator's image. It contains one static binary and root certificates, and nothing else.
ARG RUST_VERSION=1.95.0

FROM rust:${RUST_VERSION}-alpine AS build
# aws-lc is built from C and assembly; the certificates are copied below.
RUN apk add --no-cache build-base ca-certificates linux-headers
WORKDIR /build
# The commit that is built, for the log and the metric build_info.
ARG COMMIT=""
ENV METORIAL_OPERATOR_COMMIT=${COMMIT}
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY crates crates
# Not compiled, but Cargo requires every target that the manifest names to exist.
COPY tests tests
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin metorial-operator \
    && cp target/release/metorial-operator /metorial-operator

FROM scratch
LABEL org.opencontainers.image.title="metorial-operator" \
      org.opencontainers.image.description="Manages Metorial provider auth resources with Kubernetes custom resources." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /metorial-operator /metorial-operator
# A numeric user, because Kubernetes cannot check that a named user is not root (runAsNonRoot).
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/metorial-operator"]
CMD ["run"]
