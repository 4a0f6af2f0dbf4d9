import type { Drift } from './result.js';

/** Some ten milliseconds. */
const STEPS = 4_000_000;

/** Does a fixed piece of work, which nothing of ctflow is in: how fast the machine is just now. */
export function machineSpeed(): Drift {
  const at = new Date().toISOString();
  const cpu = process.cpuUsage();
  const began = process.hrtime.bigint();
  let bits = 1;
  for (let i = 0; i < STEPS; i++) bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
  const wall = Number(process.hrtime.bigint() - began) / 1e9;
  const { user, system } = process.cpuUsage(cpu);
  // what is computed is used, so that the compiler leaves it in
  return { at, wall: bits === 0 ? Number.NaN : wall, cpu: (user + system) / 1e6 };
}
