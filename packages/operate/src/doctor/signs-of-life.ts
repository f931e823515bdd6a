import type { NatsConnection } from '@nats-io/transport-node';

/** Whether somebody acknowledges messages of a consumer, or says that work on them goes on. */
export interface SignsOfLife {
  /** `undefined` if it is not allowed to listen. */
  readonly heard: () => boolean | undefined;
  readonly stop: () => void;
}

/** Listens to what is told of messages in hand: it goes over subjects that can be subscribed to. */
export function listenForLife(nats: NatsConnection, stream: string, consumer: string): SignsOfLife {
  let heard: boolean | undefined = false;
  // The second form has domain and account in front.
  const subscriptions = ['$JS.ACK', '$JS.ACK.*.*'].map((prefix) =>
    nats.subscribe(`${prefix}.${stream}.${consumer}.>`, {
      callback: (error) => {
        if (error === null) heard = true;
        else if (heard === false) heard = undefined;
      },
    }),
  );
  return {
    heard: () => heard,
    stop: () => {
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}
