import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Outage } from '../../src/destination/outage.js';
import { errnoOf } from '../../src/common/errors.js';
import { IpfixFile } from '../../src/transport/ipfix-file.js';
import { newCounts } from '../../src/transport/transport.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';
import { temporaryPath } from '../helpers/temporary.js';

test('why a file cannot be written is said in words', async t => {
  const folder = temporaryPath(t, 'folder');
  mkdirSync(folder);
  writeFileSync(join(folder, 'text'), 'no IPFIX');
  for (const [path, meaning] of [
    [folder, 'a folder has this name'],
    [join(folder, 'nowhere/flows.ipfix'), 'the folder is not there'],
    [join(folder, 'text/flows.ipfix'), 'a part of the path is a file, and no folder'],
    [join(folder, 'text'), 'what has this name is no IPFIX file; it is left as it is'],
  ] as const) {
    const error = await t.throwsAsync(IpfixFile.open(path, () => true));
    const { log, lines } = listeningLogger();
    new Outage(log, newCounts(), () => 0, true).failed(false, errnoOf(error), 0);
    t.like(lines[0], { msg: 'the file cannot be written; retrying', meaning }, errnoOf(error));
  }
});
