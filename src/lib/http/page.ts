/**
 * `GET /`: the page that shows the cluster. Its parts lie in `../page/`; they are read and put together
 * once, at the start, into one answer without any further request. The policy that goes with it admits
 * exactly this script and this style, and requests to nobody but this node.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Call, send } from './call.ts';
import { matchesEtag } from './headers.ts';
import { parseQuery } from './query.ts';
import type { Route } from './server.ts';

const HTML = 'text/html';

/** The parts of the script, which share one scope: each may use what those before it define. */
const SCRIPTS = [
  'format.js',
  'dom.js',
  'api.js',
  'cluster.js',
  'mode.js',
  'cells.js',
  'lanes.js',
  'table.js',
  'samples.js',
  'appends.js',
  'composer.js',
  'faults.js',
  'chart.js',
  'tour-steps.js',
  'tour.js',
  'start.js',
];

export interface PageOptions {
  /** Whether this master passes faults on. */
  readonly faultInjection: boolean;
  /** Whether clients must send a token; then the page asks for it before anything else. */
  readonly needsToken: boolean;
}

/** The route of the page. */
export function pageRoute(options: PageOptions): Route {
  const { html, policy } = assemble(options);
  const etag = `"${digest(html, 'base64url')}"`;
  const always = [
    ...['Content-Security-Policy', policy],
    ...['X-Content-Type-Options', 'nosniff'],
    ...['Referrer-Policy', 'no-referrer'],
    ...['Cache-Control', 'no-cache'],
    ...['ETag', etag],
  ];
  const handle = ({ req, res, query }: Call) => {
    parseQuery(query, []);
    if (matchesEtag(req.headers['if-none-match'], etag)) res.writeHead(304, always).end();
    else send(res, 200, html, ['Content-Type', `${HTML}; charset=utf-8`, ...always]);
  };
  return { method: 'GET', path: '/', access: 'open', produces: [HTML], handle };
}

function assemble({ faultInjection, needsToken }: PageOptions): { html: string; policy: string } {
  const style = part('page.css');
  const script = SCRIPTS.map(part).join('\n');
  // Functions, because in a text `$&` and its like would mean something.
  const html = part('index.html')
    .replace('<style>', () => `<style>${style}`)
    .replace('<script type="module">', () => `<script type="module">${script}`)
    .replace('data-faults="off"', `data-faults="${faultInjection ? 'on' : 'off'}"`)
    .replace('data-token="none"', `data-token="${needsToken ? 'needed' : 'none'}"`);
  return { html, policy: policyFor(style, script) };
}

function policyFor(style: string, script: string): string {
  return [
    "default-src 'none'",
    `script-src 'sha256-${digest(script, 'base64')}'`,
    `style-src 'sha256-${digest(style, 'base64')}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** A file of the page, as the browser sees it: a checkout may have written its lines with CR LF. */
function part(name: string): string {
  const text = readFileSync(new URL(`../page/${name}`, import.meta.url), 'utf8');
  return text.replaceAll('\r\n', '\n');
}

function digest(text: string, encoding: 'base64' | 'base64url'): string {
  return createHash('sha256').update(text).digest(encoding);
}
