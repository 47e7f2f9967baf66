/**
 * `GET /`: the page that shows the cluster. Its parts in `../page/` are joined at the start into one HTML file. The
 * content security policy permits exactly this script and this style, and requests to this node only.
 */

import type { Route } from '../http/server.ts';
import { digest, readPart, staticRoute } from '../http/static-answer.ts';

/** The parts of the script. They share one scope, and a part may use what earlier parts define. */
const SCRIPTS = [
  'views/format.js',
  'views/dom.js',
  'data/api.js',
  'data/cluster.js',
  'data/epochs.js',
  'views/mode.js',
  'views/cells.js',
  'views/lane.js',
  'views/members.js',
  'views/lanes.js',
  'views/table.js',
  'data/samples.js',
  'data/appends.js',
  'views/composer.js',
  'views/faults.js',
  'views/chart.js',
  'tour/tour-steps.js',
  'tour/tour.js',
  'start.js',
];

export interface PageOptions {
  /** Whether this master passes faults on to its secondaries. */
  readonly faultInjection: boolean;
  /** Whether a master is elected, so that this node may be the master or not. */
  readonly isElected: boolean;
  /** Whether handing over requires a token, which the page does not ask for. */
  readonly needsClusterToken: boolean;
  /** Whether clients must send a token; then the page asks the reader for it first. */
  readonly needsToken: boolean;
  /** The largest `lastSeenMsAgo` of a secondary that answers its heartbeats in time. */
  readonly onTimeMs: number;
}

/** The route of the page. */
export function pageRoute(options: PageOptions): Route {
  const { html, policy } = assemble(options);
  const headers = [
    ...['Content-Security-Policy', policy],
    ...['X-Content-Type-Options', 'nosniff'],
    ...['Referrer-Policy', 'no-referrer'],
  ];
  const mediaType = 'text/html';
  const contentType = `${mediaType}; charset=utf-8`;
  return staticRoute({ path: '/', mediaType, contentType, text: html, headers });
}

function assemble(options: PageOptions) {
  const { faultInjection, needsToken, isElected, needsClusterToken, onTimeMs } = options;
  const style = part('page.css');
  const script = SCRIPTS.map(part).join('\n');
  // Functions, because `$&` and the like have a meaning in a replacement that is a string.
  const html = part('index.html')
    .replace('<style>', () => `<style>${style}`)
    .replace('<script type="module">', () => `<script type="module">${script}`)
    .replace('data-faults="off"', `data-faults="${faultInjection ? 'on' : 'off'}"`)
    .replace('data-token="none"', `data-token="${needsToken ? 'needed' : 'none'}"`)
    .replace('data-cluster="classic"', `data-cluster="${isElected ? 'elected' : 'classic'}"`)
    .replace(
      'data-cluster-token="none"',
      `data-cluster-token="${needsClusterToken ? 'needed' : 'none'}"`,
    )
    .replace('data-on-time-ms="0"', `data-on-time-ms="${onTimeMs}"`);
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

function part(name: string): string {
  return readPart(new URL(`../page/${name}`, import.meta.url));
}
