import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { chromium, type Page } from 'playwright-core';
import { compare } from '../../../bench/compare/comparison.js';
import { page } from '../../../bench/compare/page.js';
import { sideOf } from '../../../bench/compare/side.js';
import { needs } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';
import { contrast } from './contrast.js';
import { twoSides } from './runs.js';

type Scheme = 'light' | 'dark';

interface Opened {
  readonly shown: Page;
  readonly complaints: readonly string[];
  /** What it asked for beside itself. */
  readonly requests: readonly string[];
}

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox', // there is none for root
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** Milliseconds that a browser may take for anything, on a machine that has much else to do. */
const PATIENCE = 300_000;
const SECTIONS = ['Change of time', 'Runs', 'The machine meanwhile', 'Linearity', 'Native against fallback', 'Memory'];
const COLOURS = ['ink', 'faint', 'open', 'base', 'head', 'native', 'fallback', 'better', 'worse'];
const inBrowser = needs(test, ['linux', 'chromium']);

/** The page in a browser of its own, which has a new profile. */
async function opened(t: ExecutionContext, width: number, colorScheme: Scheme): Promise<Opened> {
  const [base, head] = twoSides();
  const comparison = compare(sideOf(base), sideOf(head), 0.05);
  const file = temporaryPath(t, 'page.html');
  const { href } = pathToFileURL(file);
  writeFileSync(file, page(comparison));
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, timeout: PATIENCE });
  t.teardown(() => browser.close());
  const shown = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  shown.setDefaultTimeout(PATIENCE);
  const complaints: string[] = [];
  const requests: string[] = [];
  shown.on('console', message => complaints.push(message.text()));
  shown.on('pageerror', error => complaints.push(error.message));
  shown.on('request', request => {
    if (request.url() !== href && !request.url().startsWith('data:')) requests.push(request.url());
  });
  await shown.goto(href);
  return { shown, complaints, requests };
}

/** Of each chart: how many marks it has, and how many are drawn, which is with a size and within the picture. */
function marksOf(shown: Page): Promise<{ title: string; marks: number; drawn: number }[]> {
  return shown.locator('figure').evaluateAll(figures =>
    figures.map(figure => {
      const frame = figure.querySelector('svg')!.getBoundingClientRect();
      const marks = [...figure.querySelectorAll('svg :is(circle, rect, g[aria-label=tick] line)')];
      const drawn = marks.filter(mark => {
        const { left, right, top, bottom, width, height } = mark.getBoundingClientRect();
        const within = left >= frame.left - 1 && right <= frame.right + 1 && top >= frame.top && bottom <= frame.bottom;
        return within && width + height > 0;
      });
      return { title: figure.querySelector('figcaption')!.textContent, marks: marks.length, drawn: drawn.length };
    }),
  );
}

for (const [width, scheme] of [
  [1280, 'light'],
  [400, 'dark'],
] as const) {
  inBrowser(`at ${width} pixels, ${scheme}: every chart has its marks and nothing sticks out`, async t => {
    const { shown, complaints, requests } = await opened(t, width, scheme);
    t.deepEqual(complaints, []);
    t.deepEqual(requests, []);
    const titles = await shown.locator('h2').allTextContents();
    t.deepEqual(
      titles.filter(title => title !== 'Table'),
      SECTIONS,
    );
    const charts = await marksOf(shown);
    t.true(charts.length > SECTIONS.length);
    for (const { title, marks, drawn } of charts) {
      t.true(marks > 0, `${title} has no marks`);
      t.is(drawn, marks, `${title} does not draw all of its marks`);
    }
    const wide = await shown
      .locator('body :not(.wide *)')
      .evaluateAll(
        (elements, width) =>
          elements.filter(element => element.getBoundingClientRect().right > width + 1).map(({ tagName }) => tagName),
        width,
      );
    t.deepEqual(wide, []);
    t.is(await shown.evaluate('document.documentElement.scrollWidth'), width);
    const picture = await shown.screenshot({ fullPage: true });
    t.true(picture.length > 50_000, `the picture has ${picture.length} bytes`);
  });
}

inBrowser('light and dark: text and marks stand out from the paper', async t => {
  for (const scheme of ['light', 'dark'] as const) {
    const { shown } = await opened(t, 800, scheme);
    const read = (name: string): Promise<string> =>
      shown.evaluate(`getComputedStyle(document.documentElement).getPropertyValue('--${name}').trim()`);
    const paper = await read('paper');
    for (const name of COLOURS) {
      const ratio = contrast(paper, await read(name));
      t.true(ratio >= 3, `${name}, ${scheme}: a contrast of ${ratio}`);
    }
  }
});
