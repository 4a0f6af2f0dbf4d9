import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { MONITORING, monitoringFile } from '../monitoring.js';
import { temporaryFolder } from '../temporary.js';
import type { PrivateNamespace } from './namespace.js';

/** What its HTTP API answers to a query. */
export interface QueryAnswer {
  readonly status: string;
  readonly error?: string;
  readonly data: { readonly result: readonly { metric: Record<string, string>; value: [number, string] }[] };
}

/** Milliseconds for which it is asked: far above what a busy machine needs. */
const PATIENCE = 240_000;
/** From one scrape, and one evaluation, to the next. */
const INTERVAL = '500ms';

/** Debian's Prometheus in a namespace, with the configuration, alerts and recording rules of examples/monitoring. */
export class Prometheus {
  readonly #namespace: PrivateNamespace;
  readonly #child: ChildProcess;
  readonly #at: string;
  stderr = '';

  /** @param at where its API is served; @param target where ctflow serves metrics */
  constructor(t: ExecutionContext, namespace: PrivateNamespace, at: string, target: string) {
    this.#namespace = namespace;
    this.#at = at;
    const folder = temporaryFolder(t);
    const alerts = join(folder, 'alerts.yaml');
    // nobody waits for minutes here
    writeFileSync(alerts, monitoringFile('ctflow-alerts.yaml').replaceAll(/\bfor: \w+/g, 'for: 0s'));
    const changed = {
      '15s': INTERVAL,
      '127.0.0.1:9469': target,
      'ctflow-alerts.yaml': alerts,
      'ctflow-names.yaml': `${MONITORING}ctflow-names.yaml`,
    };
    const text = Object.entries(changed).reduce(
      (before, [from, to]) => before.replaceAll(from, to),
      monitoringFile('prometheus.yaml'),
    );
    const config = join(folder, 'prometheus.yaml');
    writeFileSync(config, text);
    const storage = `--storage.tsdb.path=${join(folder, 'data')}`;
    this.#child = namespace.spawn('prometheus', [`--config.file=${config}`, storage, `--web.listen-address=${at}`]);
    this.#child.stderr!.on('data', chunk => (this.stderr += String(chunk)));
    t.teardown(() => this.stop());
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill();
    await ended;
  }

  /** Asks until each of these alerts has fired, as long as PATIENCE lasts. @returns those that have fired meanwhile */
  async firing(wanted: readonly string[] = []): Promise<string[]> {
    return this.#ask(
      `const { data } = await get('alerts');
       const fired = (globalThis.fired ??= new Set());
       for (const { state, labels } of data.alerts) if (state === 'firing') fired.add(labels.alertname);
       return [${JSON.stringify(wanted)}.every(alert => fired.has(alert)), [...fired]];`,
    );
  }

  /** The answers to queries, each asked until it has a result where `filled` is set. */
  async query(expressions: readonly string[], filled = false): Promise<QueryAnswer[]> {
    const paths = expressions.map(expression => `query?query=${encodeURIComponent(expression)}`);
    return this.#ask(
      `const answers = await Promise.all(${JSON.stringify(paths)}.map(get));
       return [!${filled} || answers.every(({ data }) => data?.result.length > 0), answers];`,
    );
  }

  /** @param body of a function that returns whether the answer is one, and the answer */
  async #ask<Answer>(body: string): Promise<Answer> {
    const script = `const get = async path => (await fetch('http://${this.#at}/api/v1/' + path)).json();
      const ask = async () => { ${body} };
      for (const end = Date.now() + ${PATIENCE}; ; await new Promise(resolve => setTimeout(resolve, 200))) {
        const [is, answer] = await ask().catch(() => [false, []]);
        if (!is && Date.now() < end) continue;
        console.log(JSON.stringify(answer));
        break;
      }`;
    return JSON.parse(await this.#namespace.run(process.execPath, ['--input-type=module', '-e', script])) as Answer;
  }
}
