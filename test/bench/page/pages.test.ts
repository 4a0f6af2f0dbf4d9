import test from 'ava';
import { page as abPage } from '../../../bench/ab/page.js';
import { compare } from '../../../bench/compare/comparison.js';
import { page as comparePage } from '../../../bench/compare/page.js';
import { sideOf } from '../../../bench/compare/side.js';
import { needs } from '../../helpers/kernel/require.js';
import { twoSides } from '../compare/runs.js';
import { sampleAbRun } from './ab-run.js';
import { marksOf, opened, stickingOut } from './browser.js';
import { contrast } from './contrast.js';

const COLOURS = ['ink', 'faint', 'open', 'base', 'head', 'native', 'fallback', 'better', 'worse'];
const [base, head] = twoSides();
const PAGES = [
  {
    name: 'bench:compare',
    html: comparePage(compare(sideOf(base), sideOf(head), 0.05)),
    sections: ['Change of time', 'Runs', 'The machine meanwhile', 'Linearity', 'Native against fallback', 'Memory'],
  },
  {
    name: 'bench:ab',
    html: abPage(sampleAbRun()),
    sections: [
      'Change of CPU time',
      'Pairs',
      'The machine meanwhile',
      'Both sides meanwhile',
      'Rows that decide nothing',
    ],
  },
];
const inBrowser = needs(test, ['linux', 'chromium']);

for (const { name, html, sections } of PAGES) {
  for (const [width, scheme] of [
    [1400, 'light'],
    [360, 'dark'],
  ] as const) {
    inBrowser(`${name} at ${width} pixels, ${scheme}: every chart has its marks and nothing sticks out`, async t => {
      const { shown, complaints, requests } = await opened(t, html, width, scheme);
      t.deepEqual(complaints, []);
      t.deepEqual(requests, []);
      const titles = await shown.locator('h2').allTextContents();
      t.deepEqual(
        titles.filter(title => title !== 'Table'),
        sections,
      );
      const charts = await marksOf(shown);
      t.true(charts.length > sections.length);
      for (const { title, marks, drawn } of charts) {
        t.true(marks > 0, `${title} has no marks`);
        t.is(drawn, marks, `${title} does not draw all of its marks`);
      }
      t.deepEqual(await stickingOut(shown, width), []);
      t.is(await shown.evaluate('document.documentElement.scrollWidth'), width);
      const picture = await shown.screenshot({ fullPage: true });
      t.true(picture.length > 50_000, `the picture has ${picture.length} bytes`);
    });
  }

  test(`${name}: one file that loads nothing`, t => {
    t.regex(html, /<svg/);
    t.notRegex(html, /(?:src|href)="(?!data:)/);
    t.notRegex(html, /<script|@import|url\(/);
    t.notRegex(html, /NaN|undefined/);
  });
}

test('bench:ab: verdict, bounds and what is lacking stand in the page', t => {
  const [, { html }] = PAGES;
  t.regex(html, /class="verdict worse">Worse by more than 5 %: decode native\. Undecided: encode native, poll\./);
  t.regex(html, /poll: HEAD has no CPU time in 9 of 27 pairs: it hung\./);
  t.regex(html, /\+12\.0 % \(\+10\.0 % to \+14\.0 %\), worse\. Dashed: 5 %\./);
  t.regex(html, /\+4\.5 % \(\? to \?\), undecided/);
  t.regex(html, /A fixed piece of work before each round: 0\.\d+ to 1\.\d+ times its median\./);
});

inBrowser('light and dark: text and marks stand out from the paper', async t => {
  for (const scheme of ['light', 'dark'] as const) {
    const { shown } = await opened(t, PAGES[1].html, 800, scheme);
    const read = (name: string): Promise<string> =>
      shown.evaluate(`getComputedStyle(document.documentElement).getPropertyValue('--${name}').trim()`);
    const paper = await read('paper');
    for (const name of COLOURS) {
      const ratio = contrast(paper, await read(name));
      t.true(ratio >= 3, `${name}, ${scheme}: a contrast of ${ratio}`);
    }
  }
});
