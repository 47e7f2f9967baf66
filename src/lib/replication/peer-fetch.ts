/**
 * `fetch` for calls to peers, whose names are looked up by `Names` and not by each call. `fetch` does not accept a
 * look-up function. But every connection of node calls `dns.lookup`, so that is replaced by one that returns the known
 * addresses. All else stays as it is: the `Host` header, and the attempts at several addresses in turn. Bun looks up
 * names by itself, so there the call goes to an address, with the name in its `Host` header.
 */
import dns, { type LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { type NameError, Names } from '../http/names.ts';

const IS_BUN = 'bun' in process.versions;

export const PEER_NAMES = new Names((name) => dns.promises.lookup(name, { all: true }));

/**
 * Calls a peer like `fetch`. Rejects with a `NameError` if its name has no address, or the look-up takes too long.
 */
export async function fetchPeer(url: string, init: RequestInit): Promise<Response> {
  const name = nameIn(url);
  if (name === null) return fetch(url, init);
  if (!IS_BUN) tellWhatIsKnown();
  const addresses = await PEER_NAMES.find(name, init.signal ?? undefined);
  try {
    const response = await (IS_BUN ? fetchAt(addresses, url, init) : fetch(url, init));
    PEER_NAMES.reached(name);
    return response;
  } catch (error) {
    PEER_NAMES.failed(name);
    throw error;
  }
}

/** Why the name in `url` cannot be resolved now; null if it can. */
export function unresolved(url: string): NameError | null {
  const name = nameIn(url);
  return name === null ? null : PEER_NAMES.problemOf(name);
}

/** The name in `http://name:port`; null for an address. */
export function nameIn(url: string): string | null {
  const { hostname } = new URL(url);
  return hostname.startsWith('[') || isIP(hostname) !== 0 ? null : hostname;
}

/** Calls the peer at one address after the other; only at the first one if the body is a stream. */
async function fetchAt(
  addresses: readonly LookupAddress[],
  url: string,
  init: RequestInit,
): Promise<Response> {
  const isOnce = init.body instanceof ReadableStream;
  const target = new URL(url);
  const headers = { ...(init.headers as Record<string, string>), host: target.host };
  let problem: unknown;
  for (const { address, family } of isOnce ? addresses.slice(0, 1) : addresses) {
    target.hostname = family === 6 ? `[${address}]` : address;
    try {
      return await fetch(target, { ...init, headers });
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

type Callback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

let isTelling = false;

/** Replaces `dns.lookup`: it returns the known addresses of peers, and does for all other names what it did before. */
function tellWhatIsKnown(): void {
  if (isTelling) return;
  isTelling = true;
  const original = dns.lookup as (...args: unknown[]) => void;
  const lookup = (name: string, options: unknown, callback: unknown): void => {
    const { all = false, family = 0 } = (options ?? {}) as dns.LookupAllOptions;
    const known = PEER_NAMES.known(name);
    const isAnyFamily = family !== 4 && family !== 6;
    const wanted = known.filter((one) => isAnyFamily || one.family === family);
    const [first] = wanted;
    if (typeof callback !== 'function' || first === undefined) original(name, options, callback);
    else if (all) process.nextTick(callback as Callback, null, [...wanted]);
    else process.nextTick(callback as Callback, null, first.address, first.family);
  };
  Object.assign(dns, { lookup });
}
