import { CtflowError } from '../common/errors.js';
import { parsePrefix } from '../common/prefix.js';
import { choice, list, parsed, text } from './kind.js';
import { defaulted, setting } from './setting.js';

/** Where names come from in a cluster. */
export const kubernetesSettings = {
  kubernetes: setting(
    'Kubernetes',
    text('<in-cluster|file>'),
    'names of pods, nodes and services from the API server: as the service account of the pod, or by a kubeconfig file',
  ),
  kubernetesNode: setting(
    'Kubernetes',
    text('<name>'),
    'this node, as the cluster calls it (default: NODE_NAME, or the host name)',
  ),
  kubernetesPods: defaulted(
    'Kubernetes',
    choice('<which>', ['all', 'node']),
    'all',
    'pods that are watched: all, or those of this node, where others are known by the prefixes of their nodes',
  ),
  kubernetesPodPrefixes: setting(
    'Kubernetes',
    list('<prefix>', parsed('<prefix>', 'a prefix of addresses', prefixOf)),
    'prefixes of pods, where those of the nodes are absent or not in use',
  ),
  kubernetesLabels: setting(
    'Kubernetes',
    list('<key>', parsed('<key>', 'a key of a label, or all', labelOf)),
    'labels of pods that are kept, by their keys, or all: for --fields and --filter, and for ctflow top',
  ),
};

/** An optional prefix, a name in the DNS, and a name of at most 63 characters (Kubernetes' labels). */
const LABEL_KEY = /^([a-z0-9][a-z0-9.-]{0,252}\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/;

function labelOf(text: string): string {
  if (LABEL_KEY.test(text)) return text;
  throw new CtflowError(
    'CTFLOW_USAGE',
    `'${text}' is not the key of a label`,
    'Write one such as app or app.kubernetes.io/name, or all',
  );
}

function prefixOf(text: string): string {
  if (parsePrefix(text)) return text;
  throw new CtflowError(
    'CTFLOW_USAGE',
    `'${text}' is not a prefix`,
    'Write one without bits behind its length, such as 10.244.0.0/16 or fd00:10::/56',
  );
}
