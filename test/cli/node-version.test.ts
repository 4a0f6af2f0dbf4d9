import { readFileSync } from 'node:fs';
import test from 'ava';

const { unsupportedNode } = (await import(new URL('../../../bin/node-version.js', import.meta.url).href)) as {
  unsupportedNode(version: string): string | undefined;
};
const { engines } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  engines: { node: string };
};

test('a version of Node runs ctflow or is refused with one sentence, as package.json says', t => {
  t.is(engines.node, '^20.17.0 || >=22.2.0');
  for (const version of ['20.17.0', '20.99.1', '22.2.0', '22.12.0', '23.0.0', '24.1.0', '100.0.0']) {
    t.is(unsupportedNode(version), undefined, version);
  }
  for (const version of ['8.0.0', '18.20.4', '20.16.9', '21.0.0', '21.7.3', '22.0.0', '22.1.0']) {
    t.is(unsupportedNode(version), `Node 20.17 or newer is needed, but not 21, 22.0 or 22.1; this is Node ${version}`);
  }
  t.is(unsupportedNode(process.versions.node), undefined);
});
