import test from 'ava';
import { Conditions, type ConditionFigures } from '../../../src/daemon/recorder/conditions.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';

interface Watched {
  readonly conditions: Conditions;
  readonly written: string[];
  look(fill: number, drops: number, seconds?: number): void;
}

function watched(fill = 90, drops = 100, pause = 3600): Watched {
  const written: string[] = [];
  let now: ConditionFigures = { fill: 0, drops: 0 };
  let time = 0;
  const conditions = new Conditions({
    fill,
    drops,
    pause: pause * 1000,
    figures: () => now,
    write: why => {
      written.push(why);
      return Promise.reject(new Error('the log has it'));
    },
    log: listeningLogger().log,
    clock: () => time,
  });
  const look = (fillNow: number, dropsNow: number, seconds = 5): void => {
    time += seconds * 1000;
    now = { fill: fillNow, drops: dropsNow };
    conditions.look();
  };
  return { conditions, written, look };
}

test('a full table has a recording written once, however long it is full', t => {
  const { written, look } = watched();
  look(50, 0);
  for (let i = 0; i < 10_000; i++) look(95, 0);
  t.deepEqual(written, ['table-fill']);
  // around the threshold it does not begin anew
  look(88, 0);
  look(91, 0);
  t.is(written.length, 1);
  look(80, 0);
  look(91, 0);
  t.deepEqual(written, ['table-fill', 'table-fill']);
});

test('a condition that comes back within the pause is counted and has no recording', t => {
  const { conditions, written, look } = watched();
  look(95, 0);
  for (let i = 0; i < 5; i++) {
    look(10, 0);
    look(95, 0);
  }
  t.deepEqual(written, ['table-fill']);
  t.is(conditions.counts.suppressed, 5);
  look(10, 0, 3600);
  look(95, 0);
  t.is(written.length, 2);
});

test('drops count from one look to the next', t => {
  const { conditions, written, look } = watched();
  look(0, 1_000_000); // from before
  look(0, 1_000_099);
  t.deepEqual(written, []);
  look(0, 1_000_199);
  look(0, 1_000_500);
  t.deepEqual(written, ['drops']);
  look(95, 1_000_500);
  t.deepEqual(written, ['drops', 'table-fill']);
  t.deepEqual(conditions.counts.met, { drops: 1, 'table-fill': 1 });
});

test('a threshold of 0 is none, and figures that are not known meet nothing', t => {
  const { written, look } = watched(0, 0);
  look(100, 0);
  look(100, 1_000_000);
  t.deepEqual(written, []);
});
