/** A `fetch` for programs that call nodes by themselves, such as the client: checks answers of real nodes. */
import { answersOf, eventsOf, realPorts } from './described.ts';

/** A `fetch` that checks each answer of a real node against the description while its body is read. */
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

/** Passes bytes on, and checks the whole text at its end; not one that breaks off. */
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

/** Passes bytes on, and checks each event before its end is passed on. */
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
