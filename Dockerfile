# chaindyno in an image: one static binary and the certificates of the public
# authorities; no shell, no root. BuildKit and the classic builder both work.
ARG GO_VERSION=1.26.8
FROM golang:${GO_VERSION}-bookworm AS build
WORKDIR /src

# Modules change less often than the sources, so they are a layer of their own.
COPY go.mod go.sum ./
RUN go mod download

COPY . .
ARG REVISION=
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false \
        -ldflags "-s -w -X github.com/chaindyno/chaindyno/internal/buildinfo.revision=${REVISION}" \
        -o /image/chaindyno ./cmd/chaindyno \
    && mkdir -p /image/etc/ssl/certs /image/tmp /owned/data /owned/certs /owned/out \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    && chmod 1777 /image/tmp

FROM scratch
COPY --from=build /image /
# A new volume takes over the owner of the folder that it is mounted on.
COPY --from=build --chown=65532:65532 /owned /
USER 65532:65532
ENV CHAINDYNO_NODE_DATA=/data
WORKDIR /out
VOLUME /data
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 CMD ["/chaindyno", "health"]
ENTRYPOINT ["/chaindyno"]
CMD ["node"]
