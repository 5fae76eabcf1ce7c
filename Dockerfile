# Built in one image, run in an empty one: the binary, the certificates it
# trusts, and a user who is not root.
FROM golang:1.26-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION REVISION
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w -X main.version=$VERSION -X main.revision=$REVISION" -o /pulse ./cmd/pulse

FROM scratch
ARG VERSION REVISION
LABEL org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$REVISION
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/testdata/demo.yaml /etc/pulse/stats.yaml
COPY --from=build /pulse /pulse
USER 65532:65532
ENTRYPOINT ["/pulse"]
