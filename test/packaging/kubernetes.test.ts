import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { parse, parseAllDocuments } from 'yaml';
import { DEFAULT_FILE } from '../../src/config/config-file.js';
import { EXPORTER_DEFAULTS } from '../../src/exporter.js';
import { resources } from '../../src/inventory/kubernetes/watch-cluster.js';
import { WATCH_LIMITS } from '../../src/inventory/kubernetes/facts.js';
import { ctflow } from '../helpers/kernel/cli.js';
import { temporaryPath } from '../helpers/temporary.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CHART = join(ROOT, 'packaging/kubernetes/chart');
const manifest = readFileSync(join(ROOT, 'packaging/kubernetes/ctflow.yaml'), 'utf8');
const page = readFileSync(join(ROOT, 'docs/kubernetes.md'), 'utf8');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string; readonly host: string };
}

interface Container {
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly securityContext: unknown;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Document {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules?: readonly Rule[];
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly Container[];
        readonly terminationGracePeriodSeconds: number;
        readonly initContainers?: unknown;
        readonly volumes: readonly { readonly name: string }[];
      };
    };
  };
}

const documents = parseAllDocuments(manifest).map(document => document.toJS() as Document);
const of = (kind: string): Document => documents.find(document => document.kind === kind)!;
const settings = parse(of('ConfigMap').data!['ctflow.yaml']) as Record<string, string>;
const pod = of('DaemonSet').spec!.template.spec;
const [container] = pod.containers;

test('the manifest is made of the chart as it is: npm run chart', async t => {
  const { chartDigest } = (await import(join(ROOT, 'scripts/chart/digest.mjs'))) as {
    chartDigest: (folder: string) => string;
  };
  t.true(manifest.includes(`chart/, ${chartDigest(CHART)}`));
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const chart = parse(read('packaging/kubernetes/chart/Chart.yaml')) as Record<string, string>;
  t.deepEqual([chart['version'], chart['appVersion']], [version, version]);
});

test('its settings have no mistake', async t => {
  const path = temporaryPath(t, 'ctflow.yaml');
  writeFileSync(path, of('ConfigMap').data!['ctflow.yaml']);
  const good = await ctflow(['config', 'check', '--config', path]);
  t.is(good.code, 0, good.stderr);
  t.regex(good.stdout, /no mistakes, 1 destination/);
  t.deepEqual(container.args, ['run', '--config', DEFAULT_FILE]);
  t.true(container.volumeMounts.some(({ mountPath }) => mountPath === DEFAULT_FILE));
});

test('its rights are those that the watches want, and no others', t => {
  const limits = WATCH_LIMITS;
  const wanted = resources({ config: 'in-cluster', node: 'n', pods: 'all', labels: ['all'], limits }).flatMap(
    ({ path }) => {
      const [, group = '', resource] = /^\/(?:api|apis\/([\w.]+))\/v1\/(\w+)$/.exec(path)!;
      return ['list', 'watch'].map(verb => `${verb} ${group}/${resource}`);
    },
  );
  const given = of('ClusterRole').rules!.flatMap(rule =>
    rule.verbs.flatMap(verb =>
      rule.apiGroups.flatMap(group => rule.resources.map(resource => `${verb} ${group}/${resource}`)),
    ),
  );
  t.deepEqual(given.toSorted(), wanted.toSorted());
  t.is(documents.filter(({ kind }) => kind.endsWith('Role')).length, 1);
});

test('its container has one capability, and can write nothing of its own', t => {
  t.deepEqual(container.securityContext, {
    runAsUser: 0,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] },
  });
  t.is(pod.initContainers, undefined);
  t.true(pod.terminationGracePeriodSeconds * 1_000 > EXPORTER_DEFAULTS.shutdownTimeout);
  const mounts = container.volumeMounts.map(({ mountPath }) => mountPath);
  t.true(mounts.includes(settings['control'].replace(/\/[^/]+$/, '')));
  t.deepEqual(
    container.volumeMounts.map(({ name }) => name),
    pod.volumes.map(({ name }) => name),
  );
});

test('its probes ask where health is answered', t => {
  const { startupProbe, livenessProbe, readinessProbe, ports } = container;
  const paths = [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path);
  t.deepEqual(paths, ['/livez', '/livez', '/readyz']);
  for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe])
    t.is(`${httpGet.host}:${ports.find(({ name }) => name === httpGet.port)!.containerPort}`, settings['metrics']);
});

test('every option of the chart is in the schema, in a template and on the page', t => {
  const values = parse(read('packaging/kubernetes/chart/values.yaml')) as Record<string, unknown>;
  const schema = JSON.parse(read('packaging/kubernetes/chart/values.schema.json')) as {
    properties: Record<string, unknown>;
  };
  const templates = ['_names.tpl', 'daemonset.yaml', 'rights.yaml', 'settings.yaml'].map(name =>
    read(`packaging/kubernetes/chart/templates/${name}`),
  );
  t.deepEqual(['global', ...Object.keys(values)].toSorted(), Object.keys(schema.properties).toSorted());
  const used = new Set([...templates.join().matchAll(/\.Values\.(\w+)/g)].map(([, name]) => name));
  t.deepEqual([...used].toSorted(), Object.keys(values).toSorted());
  for (const name of Object.keys(values)) t.true(page.includes(`\`${name}`), name);
});
