import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { ExecutionContext } from 'ava';
import { chromium, type Page } from 'playwright-core';
import { temporaryPath } from '../../helpers/temporary.js';

export type Scheme = 'light' | 'dark';

export interface Opened {
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

/** A page in a browser of its own, which has a new profile. */
export async function opened(t: ExecutionContext, html: string, width: number, colorScheme: Scheme): Promise<Opened> {
  const file = temporaryPath(t, 'page.html');
  const { href } = pathToFileURL(file);
  writeFileSync(file, html);
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
export function marksOf(shown: Page): Promise<{ title: string; marks: number; drawn: number }[]> {
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

/** Tags of what reaches beyond the right edge, except what can be scrolled by itself. */
export function stickingOut(shown: Page, width: number): Promise<string[]> {
  return shown
    .locator('body :not(.wide *)')
    .evaluateAll(
      (elements, width) =>
        elements.filter(element => element.getBoundingClientRect().right > width + 1).map(({ tagName }) => tagName),
      width,
    );
}
