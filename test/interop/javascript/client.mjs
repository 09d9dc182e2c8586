// What programs do with the JavaScript client: objects, patches, a watch, an informer, a custom object.
//
//	node client.mjs KUBECONFIG
import * as k8s from '@kubernetes/client-node';

const config = new k8s.KubeConfig();
config.loadFromFile(process.argv[2]);
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const namespace = 'javascript';
let failures = 0;

function check(what, good) {
  console.log(good ? 'ok  ' : 'FAIL', what);
  if (!good) failures += 1;
}

async function code(act) {
  try {
    await act();
    return 200;
  } catch (error) {
    return error.code;
  }
}

async function eventually(what, good) {
  for (let i = 0; i < 300; ++i) {
    if (await good()) return check(what, true);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  check(what, false);
}

await core.createNamespace({ body: { metadata: { name: namespace } } });
const seen = [];
const list = () => core.listNamespacedConfigMap({ namespace });
const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, list);
for (const what of ['add', 'update', 'delete']) informer.on(what, (object) => seen.push(`${what} ${object.metadata.name}`));
informer.on('error', (error) => error.name === 'AbortError' || console.log('informer:', error));
await informer.start();

await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'a' }, data: { k: 'v' } } });
check('a second creation is 409',
  (await code(() => core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'a' } } }))) === 409);
// The default of this client is JSON Patch.
await core.patchNamespacedConfigMap({ name: 'a', namespace, body: [{ op: 'add', path: '/data/l', value: 'w' }] });
await core.patchNamespacedConfigMap({ name: 'a', namespace, body: { data: { m: 'x' } } },
  k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.StrategicMergePatch));
const read = await core.readNamespacedConfigMap({ name: 'a', namespace });
check('both patches took', JSON.stringify(read.data) === '{"k":"v","l":"w","m":"x"}');
check('a missing object is 404', (await code(() => core.readNamespacedSecret({ name: 'none', namespace }))) === 404);
await core.deleteNamespacedConfigMap({ name: 'a', namespace });
await eventually('the informer saw it all', () => seen.includes('add a') && seen.includes('update a') && seen.includes('delete a'));
await informer.stop();

const labels = { a: 'b' };
const made = await apps.createNamespacedDeployment({ namespace, body: {
  metadata: { name: 'd' },
  spec: { selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i:1' }] } } } } });
check('defaults of a Deployment', made.spec.replicas === 1 && made.spec.template.spec.restartPolicy === 'Always');
const scale = await apps.readNamespacedDeploymentScale({ name: 'd', namespace });
scale.spec.replicas = 2;
await apps.replaceNamespacedDeploymentScale({ name: 'd', namespace, body: scale });
check('scale', (await apps.readNamespacedDeployment({ name: 'd', namespace })).spec.replicas === 2);

const objects = k8s.KubernetesObjectApi.makeApiClient(config);
await objects.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace }, stringData: { p: 'q' } });
const secret = await objects.read({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace } });
check('objects by discovery', secret.data.p === Buffer.from('q').toString('base64'));
const applied = await objects.patch({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'e', namespace }, data: { z: '1' } },
  undefined, undefined, 'js', true, k8s.PatchStrategy.ServerSideApply);
check('server-side apply', applied.data.z === '1' && applied.metadata.managedFields[0].manager === 'js');
await core.deleteNamespace({ name: namespace });
process.exit(failures ? 1 : 0);
