// `npm run chart` holds the Helm chart against Helm's own linter, and makes packaging/kubernetes/ctflow.yaml of it: the manifest is
// what the chart gives with its defaults. `-- --check` writes nothing, and fails where the manifest is another one.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chartDigest } from './digest.mjs';
import { root, run, say, stop } from '../terminal.mjs';

const HELM = 'v3.22.0';
/** For which templates are rendered. */
const KUBERNETES = '1.37';

const CHART = join(root, 'packaging/kubernetes/chart');
const MANIFEST = join(root, 'packaging/kubernetes/ctflow.yaml');
const NAMESPACE = `apiVersion: v1
kind: Namespace
metadata:
  name: ctflow
  labels:
    # the network of the node, and NET_ADMIN
    pod-security.kubernetes.io/enforce: privileged
`;

const { check = false } = parseArgs({ options: { check: { type: 'boolean' } } }).values;
const helm = await helmProgram();
const every = ['--values', join(CHART, 'ci/every-option-values.yaml')];
const render = ['template', 'ctflow', CHART, '--namespace', 'ctflow', '--kube-version', KUBERNETES];
for (const values of [[], every])
  say(
    ask('lint', '--strict', CHART, ...values)
      .trim()
      .split('\n')
      .at(-1),
  );
ask(...render, ...every);
const head =
  `# ctflow on each node of a cluster: change the image and the collector, then kubectl apply -f ctflow.yaml\n` +
  `# Made by npm run chart of chart/, ${chartDigest(CHART)}; docs/kubernetes.md says more.\n`;
const manifest = `${head}${NAMESPACE}${ask(...render).replace(/^# Source: .*\n/gm, '')}`;
const before = existsSync(MANIFEST) ? readFileSync(MANIFEST, 'utf8') : '';
if (check && manifest !== before) stop('packaging/kubernetes/ctflow.yaml is not what the chart gives: npm run chart');
if (!check) writeFileSync(MANIFEST, manifest);
say(`packaging/kubernetes/ctflow.yaml ${manifest === before ? 'is what the chart gives' : 'is written anew'}`);

/** @returns what helm prints */
function ask(...args) {
  const { status, stdout, stderr } = spawnSync(helm, args, { encoding: 'utf8' });
  if (status !== 0) stop(`helm ${args[0]}: ${stdout}${stderr}`);
  return stdout;
}

/** Helm is a program in Go; it is built once, in some minutes. */
async function helmProgram() {
  const folder = join(root, `build/helm-${HELM}`);
  const program = join(folder, 'helm');
  const install = ['env', `GOBIN=${folder}`, 'CGO_ENABLED=0', 'go', 'install', `helm.sh/helm/v3/cmd/helm@${HELM}`];
  if (!existsSync(program) && !(await run(`building helm ${HELM}`, install)).ok) stop('helm is built with go');
  return program;
}
