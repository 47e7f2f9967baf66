/** A `fetch` for programs that ask by themselves, such as the client: what it brings from real nodes is as described. */
import { answersOf, eventsOf, realPorts } from './described.ts';

/** Gives a `fetch` that holds each answer of a real node against the description while its body is read. */
export function describedFetch(ask: typeof fetch): typeof fetch {
  return async (input, init) => {
    const { port, pathname, search } = new URL(String(input));
    if (!realPorts.has(Number(port))) return ask(input, init);
    const hold = { answer: answersOf(Number(port)), events: eventsOf(Number(port)) };
    const response = await ask(input, init);
    const { status, headers, body } = response;
    const { method = 'GET' } = init ?? {};
    const answered = { method, target: `${pathname}${search}`, status, headers };
    if (body === null) {
      hold.answer(answered, '');
      return response;
    }
    const isEvents = headers.get('content-type') === 'text/event-stream';
    const holding = isEvents
      ? eachBlock(hold.events(answered))
      : whole((text) => hold.answer(answered, text));
    return new Response(body.pipeThrough(holding), response);
  };
}

type Passing = TransformStream<Uint8Array, Uint8Array>;

/** Passes bytes on, and holds the text when it is at its end; one that is broken off is none. */
function whole(hold: (text: string) => void): Passing {
  const decoder = new TextDecoder();
  let text = '';
  return new TransformStream({
    transform(bytes, passed) {
      text += decoder.decode(bytes, { stream: true });
      passed.enqueue(bytes);
    },
    flush: () => hold(text + decoder.decode()),
  });
}

/** Passes bytes on, and holds each event before its end is passed. */
function eachBlock(hold: (block: string) => void): Passing {
  const decoder = new TextDecoder();
  let rest = '';
  return new TransformStream({
    transform(bytes, passed) {
      const blocks = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
      rest = blocks.pop() as string;
      for (const block of blocks) hold(block);
      passed.enqueue(bytes);
    },
  });
}
