# The operator's image: one static binary and the root certificates it trusts, nothing else.
ARG RUST_VERSION=1.95.0

FROM rust:${RUST_VERSION}-alpine AS build
# For the C and assembly of aws-lc, and the certificates that are copied below.
RUN apk add --no-cache build-base ca-certificates linux-headers
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY crates crates
# Not compiled; Cargo only wants to see every target that the manifest names.
COPY tests tests
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin metorial-operator \
    && cp target/release/metorial-operator /metorial-operator

FROM scratch
LABEL org.opencontainers.image.title="metorial-operator" \
      org.opencontainers.image.description="Keeps Metorial's provider auth resources as declared in a Kubernetes cluster." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /metorial-operator /metorial-operator
# By number, so that Kubernetes can tell that it isn't root.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/metorial-operator"]
CMD ["run"]
