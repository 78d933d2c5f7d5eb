/** Lint rules: everything typescript-eslint is strict about, and the limits of this house. */
import { fileURLToPath } from 'node:url';
import tseslint from 'typescript-eslint';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Only composition roots and tools may touch the world directly; everybody else is handed it. */
const rimFiles = [
  'src/main.ts',
  'src/cli/**',
  'src/agent/main.ts',
  'src/agent/env.ts',
  'emulator/cli/**',
  'emulator/env.ts',
  'emulator/page/client/main.ts',
];
const clockMessage = 'Time arrives as a parameter or by the Clock port.';
const intervalMessage = 'Only composition roots run timers that repeat.';

const worldGlobals = [
  { name: 'Date', message: clockMessage },
  { name: 'performance', message: clockMessage },
  { name: 'setInterval', message: intervalMessage },
];
const worldProperties = [
  { object: 'Math', property: 'random', message: 'Randomness comes from a port.' },
  { object: 'process', property: 'env', message: 'Only composition roots read the environment.' },
  { object: 'process', property: 'hrtime', message: clockMessage },
];
const worldImports = [
  {
    name: 'node:process',
    importNames: ['env', 'hrtime'],
    message: 'Only composition roots read these.',
  },
  { name: 'node:perf_hooks', message: clockMessage },
  { name: 'node:timers', importNames: ['setInterval'], message: intervalMessage },
  { name: 'node:timers/promises', importNames: ['setInterval'], message: intervalMessage },
];
const noDefaultExport = [
  {
    selector: 'ExportDefaultDeclaration',
    message: 'Export by name: a default export has as many names as importers.',
  },
];

export default tseslint.config(
  { ignores: ['dist/**', 'dist.*/**', 'coverage/**', 'var/**', 'node_modules/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: root } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { requireDefaultForNonUnion: true, considerDefaultExhaustiveForUnions: false },
      ],
      complexity: ['error', 12],
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 70 }],
      'no-console': 'error',
      'no-restricted-globals': ['error', ...worldGlobals],
      'no-restricted-imports': ['error', { paths: worldImports }],
      'no-restricted-properties': ['error', ...worldProperties],
      'no-restricted-syntax': ['error', ...noDefaultExport],
      eqeqeq: 'error',
    },
  },
  {
    files: [...rimFiles, 'scripts/**/*.ts'],
    rules: {
      'no-console': 'off',
      'no-restricted-globals': 'off',
      'no-restricted-imports': 'off',
      'no-restricted-properties': 'off',
    },
  },
  {
    // Deadlines and slices of the module are measured where the calls are made.
    files: ['hsm/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', ...worldGlobals.filter((g) => g.name !== 'performance')],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // A describe block is a list of cases, not a function to be understood at one glance;
      // test/tidy measures the functions inside.
      'max-lines-per-function': 'off',
      // An index that a test got wrong fails the test, which is all that is asked of it.
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-globals': 'off',
      'no-restricted-imports': 'off',
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'A failing test must fail again.' },
      ],
    },
  },
  {
    // These tools look for a default export and for nothing else.
    files: ['test/vitest.config.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
);
