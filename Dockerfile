# The node binary and the libraries it needs, and nothing else: no shell, no npm, no packages.
FROM node:26-slim AS node
RUN set -eu; mkdir -p /out/tmp /data; chmod 1777 /out/tmp; cp --parents /usr/local/bin/node /out; \
    ldd /usr/local/bin/node | grep -o '/[^ ]*' | xargs -I{} cp -L --parents {} /out

FROM scratch
COPY --from=node /out /
# The place of a volume for DATA_DIR; a new volume gets this owner.
COPY --from=node --chown=1000:1000 /data /data
COPY package.json /app/
COPY src /app/src
WORKDIR /app
USER 1000:1000
ENV PATH=/usr/local/bin NODE_ENV=production HOST=0.0.0.0 PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s --retries=3 CMD ["node", "-e", \
  "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# node runs the TypeScript sources as they are. A secondary: `src/secondary.ts`.
ENTRYPOINT ["node"]
CMD ["src/master.ts"]
