# One image for all roles: `docker run leat mapper cities/pipeline.ts`. It holds the `leat` command, what pipeline files
# import, and the examples; a pipeline of your own is mounted beside them, or copied in by an image FROM this one.

# Any image with Node and npm will do. Pin it by its digest where a build must repeat bit for bit.
ARG NODE_IMAGE=node:26-slim

FROM ${NODE_IMAGE} AS build
ARG PNPM_VERSION=12.21.0
RUN npm install --global pnpm@${PNPM_VERSION}
WORKDIR /build
# Packages change less often than code does, and have a layer of their own.
COPY pnpm-lock.yaml pnpm-workspace.yaml ./
RUN pnpm fetch
COPY . .
RUN pnpm install --frozen-lockfile --offline \
 && pnpm exec tsc -b packages/leat \
 && pnpm --filter @leat/example-cities deploy --prod /deploy \
 && mkdir /leat \
 && mv /deploy/node_modules /leat/node_modules \
 && mv /deploy /leat/cities \
 && cp -r examples/hello /leat/hello \
 && rm -rf /leat/hello/node_modules \
 # Notes of the time of the build: without them, two builds of one commit have the same files.
 && rm /leat/node_modules/.modules.yaml /leat/node_modules/.pnpm-workspace-state-v1.json \
 && find /leat/node_modules -name '*.map' -delete -o -name '*.d.?ts' -delete -o -name '*.d.ts' -delete

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
# A container's own loopback reaches nobody: probes and scrapes come from outside, to whatever address it is given.
# Said here and not in the manifests, so that it holds for the chart, compose, `docker run` and images FROM this one.
ENV LEAT_HTTP_HOST=::
WORKDIR /leat
COPY --from=build /leat /leat
# For sinks that write files: a volume that is mounted here belongs to the user below.
RUN ln -s /leat/node_modules/@leat/cli/bin/leat.js /usr/local/bin/leat \
 && mkdir /data \
 && chown 1000:1000 /data
USER 1000:1000
# Node itself is the first process, so that signals reach it.
ENTRYPOINT ["node", "/leat/node_modules/@leat/cli/bin/leat.js"]
CMD ["--help"]
