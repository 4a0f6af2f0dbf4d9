# docker build -t ctflow . && docker run --network host --cap-add NET_ADMIN ctflow run --collector udp://192.0.2.10:4739
FROM node:24-bookworm AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# Debian's own Rust is too old
RUN curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal
ENV PATH="/root/.cargo/bin:${PATH}"
WORKDIR /ctflow
COPY . .
RUN npm ci --no-audit --no-fund && npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
WORKDIR /usr/lib/ctflow
COPY --from=build /ctflow/package.json /ctflow/ctflow.schema.json /ctflow/LICENSE ./
COPY --from=build /ctflow/bin bin
COPY --from=build /ctflow/dist dist
COPY --from=build /ctflow/native native
COPY --from=build /ctflow/fixtures fixtures
COPY --from=build /ctflow/node_modules node_modules
RUN ln -s /usr/lib/ctflow/bin/ctflow.js /usr/local/bin/ctflow && mkdir /etc/ctflow
# what reads connections needs CAP_NET_ADMIN as root: a container gives another user no ambient capability
STOPSIGNAL SIGTERM
ENTRYPOINT ["ctflow"]
CMD ["run"]
