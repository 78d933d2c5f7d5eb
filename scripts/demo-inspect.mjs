// Looks for the seeds of virtual authenticators in the server's database: in the raw bytes of a
// SQLite file, or in every row of a PostgreSQL database. They must not be there in any spelling.
//
//   node scripts/demo-inspect.mjs CONFIG VTOKEN_DIR resident|wrapped LICENCE_SERIAL
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import pg from 'pg';

const [configFile, vtokenFolder, residency, licence] = process.argv.slice(2);
const { database } = JSON.parse(readFileSync(configFile, 'utf8'));
const beside = (name) => resolve(dirname(configFile), name);

/** Seeds as the emulator keeps them, by serial. */
const seeds = new Map();
for (const file of readdirSync(vtokenFolder).filter(
  (name) => name.startsWith(`${licence}-`) && name.endsWith('.json'),
)) {
  const { serial, applications } = JSON.parse(readFileSync(join(vtokenFolder, file), 'utf8'));
  for (const { name, seed } of applications) {
    seeds.set(`${serial}/${name}`, Buffer.from(seed, 'base64'));
  }
}

const query = `select a.serial, p.name, p.seed_residency, p.seed_blob, p.seed_bytes
  from application p join authenticator a on a.id = p.authenticator_id order by a.serial, p.name`;

async function readSqlite() {
  const path = beside(database.path);
  const files = [path, `${path}-wal`].filter((file) => existsSync(file));
  const bytes = Buffer.concat(files.map((file) => readFileSync(file)));
  const connection = new Database(path, { readonly: true });
  const rows = connection.prepare(query).all();
  connection.close();
  return { rows, bytes };
}

async function readPostgres() {
  const connectionString =
    database.connectionString ?? readFileSync(beside(database.connectionStringFile), 'utf8').trim();
  const client = new pg.Client({ connectionString });
  await client.connect();
  const { rows } = await client.query(query);
  const tables = await client.query(
    "select table_name from information_schema.tables where table_schema = 'public'",
  );
  const texts = [];
  for (const { table_name: table } of tables.rows) {
    const all = await client.query(`select t.*::text from "${table}" t`);
    texts.push(JSON.stringify(all.rows));
  }
  await client.end();
  return { rows, bytes: Buffer.from(texts.join('\n')) };
}

const { rows, bytes } = await (database.kind === 'postgres' ? readPostgres() : readSqlite());
let isClean = true;
for (const [name, seed] of seeds) {
  const row = rows.find(({ serial, name: application }) => `${serial}/${application}` === name);
  const blob = row?.seed_blob;
  const kept = blob ? `a blob of ${blob.length} bytes` : 'no seed, only its number in the module';
  const spellings = [
    seed,
    Buffer.from(seed.toString('hex')),
    Buffer.from(seed.toString('hex').toUpperCase()),
    Buffer.from(seed.toString('base64').replace(/=+$/, '')),
  ];
  const isFound = spellings.some((spelling) => bytes.includes(spelling));
  const isAsConfigured =
    row?.seed_residency === residency && (residency === 'wrapped') === Boolean(blob);
  if (isFound || !isAsConfigured) isClean = false;
  const verdict = isFound ? 'THE SEED ITSELF' : 'the seed itself is nowhere';
  console.log(`${name.padEnd(20)} ${row?.seed_residency ?? 'missing'}: ${kept}; ${verdict}`);
}
console.log(`${seeds.size} seeds looked for in ${bytes.length} bytes of ${database.kind}`);
process.exitCode = isClean && seeds.size > 0 ? 0 : 1;
