import test from 'ava';
import { workloadOf } from '../../../src/inventory/kubernetes/workload.js';

const HASH = 'pod-template-hash';
const owner = (kind: string, name: string, more: object = {}): never =>
  ({ apiVersion: 'apps/v1', kind, name, uid: 'uid', controller: true, ...more }) as never;

for (const [what, metadata, workload] of [
  [
    'a ReplicaSet with the hash of the pod at its end is a Deployment',
    { ownerReferences: [owner('ReplicaSet', 'web-5d9c7b')], labels: { [HASH]: '5d9c7b' } },
    'deployment/web',
  ],
  [
    'the Deployment may have a name like a hash',
    { ownerReferences: [owner('ReplicaSet', 'web-5d9c7b-5d9c7b')], labels: { [HASH]: '5d9c7b' } },
    'deployment/web-5d9c7b',
  ],
  [
    'a ReplicaSet with another end is itself',
    { ownerReferences: [owner('ReplicaSet', 'web-5d9c7b')], labels: { [HASH]: '9c7b' } },
    'replicaset/web-5d9c7b',
  ],
  ['a ReplicaSet without a hash is itself', { ownerReferences: [owner('ReplicaSet', 'web-')] }, 'replicaset/web-'],
  [
    'an empty hash is none',
    { ownerReferences: [owner('ReplicaSet', 'web-')], labels: { [HASH]: '' } },
    'replicaset/web-',
  ],
  [
    'a name of nothing but the hash is none of a Deployment',
    { ownerReferences: [owner('ReplicaSet', '-5d9c7b')], labels: { [HASH]: '5d9c7b' } },
    'replicaset/-5d9c7b',
  ],
  [
    'a ReplicaSet of another API is itself',
    { ownerReferences: [owner('ReplicaSet', 'web-1', { apiVersion: 'example.com/v1' })], labels: { [HASH]: '1' } },
    'replicaset/web-1',
  ],
  ['a StatefulSet', { ownerReferences: [owner('StatefulSet', 'db')], labels: { [HASH]: 'x' } }, 'statefulset/db'],
  ['a DaemonSet', { ownerReferences: [owner('DaemonSet', 'agent')] }, 'daemonset/agent'],
  [
    'a Job, whoever made it',
    { ownerReferences: [owner('Job', 'backup-29384640', { apiVersion: 'batch/v1' })] },
    'job/backup-29384640',
  ],
  ['any other kind', { ownerReferences: [owner('Rollout', 'web', { apiVersion: 'argoproj.io/v1' })] }, 'rollout/web'],
  [
    'the one of several owners that is the controller',
    { ownerReferences: [owner('Backup', 'a', { controller: undefined }), owner('Job', 'b')] },
    'job/b',
  ],
  ['an owner that is no controller', { ownerReferences: [owner('Backup', 'a', { controller: false })] }, ''],
  ['a pod of nobody', {}, ''],
] as const) {
  test(what, t => t.is(workloadOf(metadata as never), workload));
}
