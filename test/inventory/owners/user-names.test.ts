import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { UserNames } from '../../../src/inventory/owners/user-names.js';
import { temporaryFolder } from '../../helpers/temporary.js';

test('a user has the first name of its number, and the number itself without one', t => {
  const file = join(temporaryFolder(t), 'passwd');
  writeFileSync(file, 'root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\n+nis\nbad:x:1x:1\nweb:x:33:33:::\n');
  const users = new UserNames(file);
  t.is(users.of(33), '33', 'nothing was read yet');
  users.refresh();
  t.deepEqual(
    [0, 33, 1, 34].map(user => users.of(user)),
    ['root', 'web', '1', '34'],
  );
});

test('names are read again where the file has changed, and are gone with it', t => {
  const file = join(temporaryFolder(t), 'passwd');
  writeFileSync(file, 'web:x:33:33:::\n');
  const users = new UserNames(file);
  users.refresh();
  writeFileSync(file, 'mail:x:33:33::::::\n');
  users.refresh();
  t.is(users.of(33), 'mail');
  rmSync(file);
  users.refresh();
  t.is(users.of(33), '33');
});
