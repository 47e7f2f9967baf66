/** Selects the protocol of a request. */

import { NatsProtocol } from './nats.ts';
import { HttpProtocol, KeyedHttpProtocol, type Protocol, type RequestSpec } from './protocol.ts';
import { RedisProtocol } from './redis.ts';

export function protocolOf(spec: RequestSpec): Protocol {
  switch (spec.protocol) {
    case 'http':
      return spec.isKeyed ? new KeyedHttpProtocol(spec.text) : new HttpProtocol(spec.text);
    case 'redis':
      return new RedisProtocol(spec.text, spec.replies);
    case 'nats':
      return new NatsProtocol(spec.subject, spec.text);
  }
}
