# One static binary for every role; scripts/image builds it, and then this.
FROM scratch
COPY target/image/rotadns /rotadns
EXPOSE 53/udp 53/tcp 8053/tcp
ENTRYPOINT ["/rotadns"]
