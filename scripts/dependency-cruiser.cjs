/**
 * Who may import whom. One row per room: the folders it may import besides itself and
 * src/errors.ts, the Node modules and the packages it may use. What is not listed is refused.
 *
 * `types` lists folders of which only types may be imported: they are erased before anything runs,
 * so the edge knows the shape of a use case without holding on to its implementation.
 */
const anyNode = ['.*'];
const ports = ['src/service/(ports|seed-module|store)\\.ts$'];

const rooms = {
  'src/errors\\.ts$': {},
  'src/xml\\.ts$': { packages: ['saxes'] },
  'src/oath/': {},
  'src/domain/': { may: ['src/oath/'] },
  'src/service/': { may: ['src/domain/', 'src/oath/'], node: ['crypto'] },
  'src/store/': {
    // src/oath for the one canonical JSON form of an algorithm, which is what a row keeps.
    may: [...ports, 'src/domain/', 'src/oath/'],
    node: anyNode,
    packages: ['kysely', 'better-sqlite3', 'pg'],
  },
  'src/http/': { node: anyNode, packages: ['express'] },
  'src/soap/': {
    may: ['src/xml\\.ts$', 'src/http/'],
    types: ['src/service/'],
    node: anyNode,
    packages: ['express', 'zod'],
  },
  'src/rest/': {
    may: ['src/xml\\.ts$', 'src/http/'],
    types: ['src/service/'],
    node: anyNode,
    packages: ['express', 'zod'],
  },
  'src/radius/': { types: ['src/service/'], node: anyNode },
  'src/console/': {
    may: ['src/http/'],
    types: ['src/service/'],
    node: anyNode,
    packages: ['express'],
  },
  'src/formats/': { may: ['src/xml\\.ts$', 'src/oath/'] },
  'src/delivery/': { may: ports, node: anyNode, packages: ['nodemailer'] },
  'src/backend/': { may: ports, node: anyNode },
  'src/offline/': { may: ['src/oath/'], node: anyNode },
  'src/agent/': {
    may: ['src/offline/', 'src/oath/', 'hsm/'],
    node: anyNode,
    packages: ['commander', 'zod'],
  },
  'src/audit/': { may: ports, node: anyNode },
  'src/observe/': { may: ports, node: anyNode, packages: ['pino'] },
  'src/config/': { may: ports, node: anyNode, packages: ['zod'] },
  'src/cli/': { may: ['src/', 'hsm/'], node: anyNode, packages: ['commander', 'zod'] },
  'src/main\\.ts$': { may: ['src/', 'hsm/'], node: anyNode, packages: ['pino'] },
  'hsm/': { node: anyNode, packages: ['graphene-pk11', 'pkcs11js'] },
  'emulator/': {
    may: ['src/oath/', 'src/formats/', 'src/xml\\.ts$'],
    node: anyNode,
    packages: [
      '@noble/hashes',
      'commander',
      'express',
      'node-hid',
      'postal-mime',
      'smtp-server',
      'yaml',
      // Scenarios: one table is the check and the published JSON Schema.
      'zod',
    ],
  },
};

/** Rooms with one door: from outside, only index.ts may be imported. */
const doors = ['src/oath/', 'hsm/', 'emulator/'];

const product = '^(src|hsm|emulator)/';
const roomKeys = Object.keys(rooms);
const starting = (paths) => paths.map((path) => `^${path}`);
const packagePaths = (names) =>
  names.map((name) => `(^|/)node_modules/(@types/)?${name.replace('/', '\\/')}/`);

function rulesOf([key, { may = [], types = [], node = [], packages = [] }]) {
  const own = `^${key}`;
  const name = key.replace(/\\\.ts\$$|\/$/, '').replace('/', '-');
  const inHouse = [own, '^src/errors\\.ts$', ...starting(may), ...starting(types)];
  const rules = [
    {
      name: `${name}-rooms`,
      severity: 'error',
      from: { path: own },
      to: { path: '^(src|hsm|emulator|scripts|test)/', pathNot: inHouse },
    },
    {
      name: `${name}-node`,
      severity: 'error',
      from: { path: own },
      to: { dependencyTypes: ['core'], pathNot: node.map((module) => `^(node:)?${module}$`) },
    },
    {
      name: `${name}-packages`,
      severity: 'error',
      from: { path: own },
      to: { path: '(^|/)node_modules/', pathNot: ['/@types/node/', ...packagePaths(packages)] },
    },
  ];
  if (types.length > 0) {
    rules.push({
      name: `${name}-types-only`,
      severity: 'error',
      from: { path: own },
      to: { path: starting(types), dependencyTypesNot: ['type-only'] },
    });
  }
  return rules;
}

const doorRules = doors.map((door) => ({
  name: `door-of-${door.replace(/\/$/, '').replace('/', '-')}`,
  comment: 'Come in by index.ts.',
  severity: 'error',
  from: { path: product, pathNot: `^${door}` },
  to: { path: `^${door}`, pathNot: `^${door}index\\.ts$` },
}));

module.exports = {
  forbidden: [
    ...Object.entries(rooms).flatMap(rulesOf),
    ...doorRules,
    {
      name: 'room-without-a-row',
      comment: 'A new room says here what it may import before it imports anything.',
      severity: 'error',
      from: { path: product, pathNot: starting(roomKeys) },
      to: {},
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { path: product, orphan: true, pathNot: ['\\.d\\.ts$'] },
      to: {},
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'tests-stay-outside',
      severity: 'error',
      from: { path: product },
      to: { path: '^(test|scripts)/' },
    },
    {
      name: 'the-page-stands-alone',
      comment: 'What runs in the browser shares types with its server, and nothing else.',
      severity: 'error',
      from: { path: '^emulator/page/client/' },
      to: { pathNot: ['^emulator/page/client/', '^emulator/page/wire\\.ts$'] },
    },
    {
      name: 'the-oracle-stands-alone',
      comment: 'A model that shares code with what it judges would share its mistakes.',
      severity: 'error',
      from: { path: '^emulator/fleet/oracle/' },
      to: { pathNot: ['^emulator/fleet/oracle/', '^(node:)?crypto$'] },
    },
    {
      name: 'node-hid-on-demand',
      comment:
        'It is optional and needs libraries of the system: only who asks for a plugged-in key pays.',
      severity: 'error',
      from: { path: product },
      to: { path: '(^|/)node_modules/node-hid/', dynamic: false },
    },
    {
      name: 'scenarios-at-the-rim',
      comment: 'Only the reader of files knows YAML; only the shape of scenarios is told in zod.',
      severity: 'error',
      from: { path: '^emulator/', pathNot: '^emulator/fleet/scenario-(file|schema|values)\\.ts$' },
      to: { path: '(^|/)node_modules/(yaml|zod)/' },
    },
    {
      name: 'runtime-packages-only',
      comment: 'What ships must be among the runtime dependencies.',
      severity: 'error',
      from: { path: product },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], pathNot: '/@types/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
