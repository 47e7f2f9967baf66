/** Every link of the documentation names an existing file, and a heading in it. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'examples/README.md'],
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
/** A file of the sources or the tests that is named in the text; `*` and `<...>` stand for something. */
const NAMED_FILE = /`((?:src|test|deploy|bench|examples)\/[\w./-]+\.\w+)`/g;

const textOf = (page: string) => readFileSync(join(ROOT, page), 'utf8');
const withoutCode = (text: string) =>
  text
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/^ {4}.*$/gm, '')
    .replace(/`[^`\n]*`/g, 'code');

/** The links of a page to files of the repository, as they are written. */
function linksOf(page: string): string[] {
  const links = [...withoutCode(textOf(page)).matchAll(/\]\(([^)\s]+)\)/g)];
  return links.map(([, link = '']) => link).filter((link) => !/^[a-z]+:/.test(link));
}

/** The name of a heading in a link, as on GitHub. */
function anchorsOf(page: string): string[] {
  const headings = [
    ...textOf(page)
      .replace(/^```[\s\S]*?^```/gm, '')
      .matchAll(/^#+ (.+)$/gm),
  ];
  return headings.map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the documentation', () => {
  for (const page of PAGES) {
    it(`has no link in ${page} that leads nowhere`, () => {
      for (const link of linksOf(page)) {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? page : normalize(join(dirname(page), path));
        assert(existsSync(join(ROOT, target)), `${link}: there is no ${target}`);
        if (anchor === undefined) continue;
        assert(anchorsOf(target).includes(anchor), `${link}: ${target} has no such heading`);
      }
    });

    if (page !== 'CHANGELOG.md') {
      it(`names no file in ${page} that is not there`, () => {
        for (const [, path = ''] of textOf(page).matchAll(NAMED_FILE)) {
          assert(existsSync(join(ROOT, path)), `there is no ${path}`);
        }
      });
    }
  }

  for (const index of ['docs/index.md', 'docs/adr/README.md']) {
    it(`has a line in ${index} for every page beside it`, () => {
      const listed = linksOf(index);
      const pages = readdirSync(join(ROOT, dirname(index))).filter((name) => name.endsWith('.md'));
      for (const page of pages.filter((name) => name !== basename(index))) {
        assert(listed.includes(page), `${index} does not list ${page}`);
      }
    });
  }
});
