import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A span as a collector gets it. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: number;
  /** 2 is an error. */
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly Readonly<Record<string, unknown>>[];
  /** The name of the service that it is from. */
  readonly service: unknown;
}

/** Takes spans by OTLP over HTTP, in JSON, and keeps them; or, if it is `silent`, never answers. */
export class OtlpCollector implements AsyncDisposable {
  readonly spans: Span[] = [];
  readonly #server = createServer((request, response) => {
    if (this.#isSilent) return;
    void this.#take(request).then((status) => response.writeHead(status).end('{}'));
  });
  readonly #isSilent: boolean;

  private constructor(isSilent: boolean) {
    this.#isSilent = isSilent;
  }

  static async open(options: { readonly isSilent?: boolean } = {}): Promise<OtlpCollector> {
    const collector = new OtlpCollector(options.isSilent ?? false);
    collector.#server.listen(0, '127.0.0.1');
    await once(collector.#server, 'listening');
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #take(request: IncomingMessage): Promise<number> {
    if (request.method !== 'POST' || request.url !== '/v1/traces') return 404;
    const { resourceSpans } = (await json(request)) as OtlpRequest;
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = record(resource.attributes)['service.name'];
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        const events = (span.events ?? []).map(({ attributes }) => record(attributes));
        this.spans.push({
          ...span,
          parentSpanId: span.parentSpanId || undefined,
          attributes: record(span.attributes),
          events,
          service,
        });
      }
    }
    return 200;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

type KeyValues = readonly {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}[];

interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: KeyValues };
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<Span, 'attributes' | 'events'> & {
        readonly attributes: KeyValues;
        readonly events?: readonly { readonly attributes: KeyValues }[];
      })[];
    }[];
  }[];
}

/** A value is an object of one entry, whose key is its type: `{ intValue: 5 }`. */
function record(pairs: KeyValues): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]));
}
