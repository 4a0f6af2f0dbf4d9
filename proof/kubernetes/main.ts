/** `npm run proof:kubernetes`: names in records against a real kube-apiserver and etcd. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { parseAllDocuments } from 'yaml';
import { ROOT } from '../../bench/host/machine.js';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import { Collector } from '../../src/collector/collector.js';
import type { CollectedRecord } from '../../src/collector/decode/record.js';
import { KubernetesInventory } from '../../src/inventory/kubernetes/kubernetes-inventory.js';
import { eventually } from '../../test/helpers/eventually.js';
import { FakeSource } from '../../test/helpers/fakes/fake-source.js';
import { listeningLogger } from '../../test/helpers/fakes/listening-logger.js';
import { EndingScope } from '../../test/helpers/kernel/scope.js';
import { ChangingCluster } from '../../test/helpers/kubernetes/changing-cluster.js';
import { compareNames } from '../../test/helpers/kubernetes/compare-names.js';
import { exporterRig } from '../../test/helpers/rigs/exporter-rig.js';
import type { ApiClient } from './api-client.js';
import { RealObjects } from './real-objects.js';
import { RealServers } from './servers.js';

const whole = (text: string): number => Number.parseInt(text, 10);
const { rounds, changes } = new Command('proof:kubernetes')
  .description('compares the names in records with what a real API server has said')
  .option('--rounds <n>', 'rounds of changes, before the API server is started again and after', whole, 250)
  .option('--changes <n>', 'changes in a round', whole, 5)
  .parse()
  .opts<{ rounds: number; changes: number }>();

const TICK_MS = 20;
const FLOWS = 300;
const ACCOUNT = '/api/v1/namespaces/ctflow/serviceaccounts';

const versionOf = (module: string): string =>
  new RegExp(`^\\t${module} v(\\S+)`, 'm').exec(
    readFileSync(join(ROOT, 'proof/kubernetes/servers/go.mod'), 'utf8'),
  )![1];
const VERSIONS = `${versionOf('k8s.io/kubernetes')} and ${versionOf('go.etcd.io/etcd/server/v3')}`;

let failed = 0;
const scope = new EndingScope();

async function step<Result>(name: string, check: () => Promise<[Result, string]>): Promise<Result> {
  const [result, said] = await check();
  console.log(`✔ ${name}: ${said}`);
  return result;
}

function must(holds: boolean, why: string): void {
  if (!holds) throw new Error(why);
}

const COLLECTIONS: Readonly<Record<string, string>> = {
  Namespace: '/api/v1/namespaces',
  ServiceAccount: ACCOUNT,
  ConfigMap: '/api/v1/namespaces/ctflow/configmaps',
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  DaemonSet: '/apis/apps/v1/namespaces/ctflow/daemonsets',
};

/** @returns how many objects it has */
async function apply(api: ApiClient): Promise<number> {
  const documents = parseAllDocuments(readFileSync(join(ROOT, 'packaging/kubernetes/ctflow.yaml'), 'utf8'));
  for (const document of documents) {
    const object = document.toJS() as { kind: string };
    await api.must('POST', `${COLLECTIONS[object.kind]}?fieldValidation=Strict`, object);
  }
  return documents.length;
}

async function tokenOf(api: ApiClient): Promise<string> {
  const request = { spec: { expirationSeconds: 3_600 } };
  const { status } = (await api.must('POST', `${ACCOUNT}/ctflow/token`, request)) as { status: { token: string } };
  return status.token;
}

function writeConfig(servers: RealServers): { config: string; token: string } {
  const [config, token] = ['config', 'token'].map(name => join(servers.folder, name));
  const user = { 'auth-provider': { name: 'tokenFile', config: { tokenFile: token } } };
  const cluster = { server: `https://127.0.0.1:${servers.port}`, 'certificate-authority': servers.authority };
  writeFileSync(
    config,
    JSON.stringify({
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  return { config, token };
}

async function prove(): Promise<void> {
  const servers = await step('kube-apiserver and etcd', async () => {
    const started = await RealServers.start(scope);
    return [started, VERSIONS];
  });
  const { admin } = servers;
  const { config, token } = writeConfig(servers);
  const first = await step('the manifest is accepted, strictly', async () => {
    const objects = await apply(admin);
    const given = await tokenOf(admin);
    writeFileSync(token, given);
    return [given, `${objects} objects`];
  });
  await step('its account can list pods, and nothing that it has no use for', async () => {
    const ctflow = admin.as(first);
    const status = async (path: string): Promise<number> => (await ctflow.ask('GET', path)).status;
    must((await status('/api/v1/pods')) === 200, 'pods are refused');
    for (const kind of ['secrets', 'configmaps']) must((await status(`/api/v1/${kind}`)) === 403, `${kind} are not`);
    return [undefined, 'secrets and ConfigMaps are refused'];
  });
  for (const name of ['shop', 'data', 'web']) await admin.must('POST', '/api/v1/namespaces', { metadata: { name } });

  const { log, lines } = listeningLogger();
  const limits = { firstWait: 100, longestWait: 1_000 };
  const inventory = await KubernetesInventory.open({ config, node: 'worker-1', pods: 'all', limits }, log);
  scope.teardown(() => inventory.close());
  const follows = (): Promise<unknown> =>
    eventually('all is watched', () => inventory.stats().synced === 4 && inventory.stats().watched === 4);
  await follows();
  const records: CollectedRecord[] = [];
  const collector = new Collector({
    listen: [{ protocol: 'tcp', host: '127.0.0.1', port: 0 }],
    onRecord: record => void (record.isOptions || records.push(record)),
  });
  scope.teardown(async () => void (await collector.close()));
  const objects = new RealObjects(admin);
  const cluster = new ChangingCluster(objects);
  const source = new FakeSource([{ connections: cluster.flows }]);
  const { exporter } = exporterRig(scope, createFallbackBackend(), source, await collector.open(), {
    kubernetes: inventory,
    destination: { profile: 'antrea', activeFlowExportTimeout: 500 },
  });
  await exporter.open();

  const churn = async (): Promise<[undefined, string]> => {
    const [before, began] = [cluster.changes, performance.now()];
    for (let round = 0; round < rounds; round++) {
      const caughtUp = async (): Promise<void> => {
        await sleep(TICK_MS);
        await eventually('the changes are known', () => inventory.stats().changes >= cluster.announced);
      };
      await cluster.round(changes, () => objects.done(), caughtUp);
      cluster.goOn(FLOWS);
    }
    const made = cluster.changes - before;
    return [undefined, `${made} changes, ${Math.round((made / (performance.now() - began)) * 1_000)} a second`];
  };
  await step('pods and services come, go and reuse addresses', churn);
  await step('the token is revoked, etcd compacted, and the API server started again', async () => {
    const before = inventory.stats();
    await admin.must('DELETE', `${ACCOUNT}/ctflow`);
    await admin.must('POST', ACCOUNT, { metadata: { name: 'ctflow' } });
    const second = await tokenOf(admin);
    await servers.compact();
    await servers.stopApiServer();
    await eventually('nothing is watched', () => inventory.stats().watched === 0);
    must(inventory.stats().pods === before.pods, 'what was known is gone');
    await servers.startApiServer();
    await eventually('the old token is refused', () => lines.some(({ error }) => String(error).startsWith('401')));
    writeFileSync(token, second);
    await follows();
    const { lists, errors } = inventory.stats();
    cluster.announced = inventory.stats().changes;
    return [undefined, `${errors - before.errors} errors, ${lists - before.lists} kinds read again (410)`];
  });
  await step('the same again', churn);

  await sleep(2_500);
  await exporter.close();
  await collector.close(1_000);
  const { wrong, counts } = compareNames(records, cluster);
  must(records.length === exporter.stats().recordsExported, 'records are missing');
  for (const line of wrong.slice(0, 20)) console.log(`✘ ${line}`);
  console.log(`${JSON.stringify(counts)}, ${inventory.stats().corrected} taken back`);
  console.log(`${counts.records} records, ${wrong.length} wrong`);
  if (wrong.length > 0 || counts.pods === 0 || counts.services === 0) failed++;
}

try {
  await prove();
} catch (error) {
  failed++;
  console.log(`✘ ${(error as Error).message}`);
} finally {
  await scope.end();
}
process.exitCode = failed > 0 ? 1 : 0;
