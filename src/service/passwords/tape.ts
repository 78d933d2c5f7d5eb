import { hasResponseForm, type PresentedCredential } from '../../domain/credential.ts';
import type { PasswordVerifier, User, UserWithAuthenticators } from '../../domain/model.ts';
import {
  composed,
  isPassword,
  passwordLengthMax,
  passwordMessage,
} from '../../domain/static-password.ts';
import { TallystickError } from '../../errors.ts';
import type { Context } from '../deps.ts';
import { fromModule } from '../module-calls.ts';
import type { BackEndAccount } from '../ports.ts';

const saltBytes = 16;
const nobody = { id: '00000000-0000-0000-0000-000000000000', salt: '0'.repeat(2 * saltBytes) };

/** Whose passwords are looked at. */
export interface PasswordOwner {
  readonly user: User;
  readonly domainName: string;
  /** Whether the policy has the back end asked. */
  readonly asksBackEnd: boolean;
}

/** The passwords of one attempt: each is looked at when it is needed, and once. */
export interface PasswordTape {
  /** Whether anything could say that a password is right: one is kept, or a back end may know it. */
  hasJudge(): boolean;
  /**
   * Whether this is the password. Where none is kept, or another one, the back end says.
   *
   * @throws TallystickError when the module fails, or the back end before anything was compared
   */
  isRight(password: string): Promise<boolean>;
  /** As `isRight`; null where the back end cannot be asked and nothing was compared: see `outage`. */
  isRightIfKnown(password: string): Promise<boolean | null>;
  /** The first of several that is right; a back end is asked of none before each was compared with what is kept. */
  rightOf(passwords: readonly string[]): Promise<string | null>;
  /** Of the password that was right, for the decision; null where none was, or the back end said so. */
  rightVersion(): number | null;
  /** Whether any password was compared and was wrong. */
  wasWrong(): boolean;
  /** Why the back end could not be asked after what is kept was something else. */
  fault(): TallystickError | null;
  /** Why the back end could not be asked where nothing is kept; it is asked once. */
  outage(): TallystickError | null;
  /** What a refusal pays, whoever it is about: as if so many had been looked at. */
  complete(passwords: number): Promise<void>;
}

/** @param owner null: nobody; every password is wrong, at the same cost */
export function createPasswordTape(context: Context, owner: PasswordOwner | null): PasswordTape {
  const judged = new Map<string, boolean>();
  const unknown = new Set<string>();
  const kept = createKeptTape(context, owner?.user ?? null);
  let wasWrong = false;
  let fault: TallystickError | null = null;
  let outage: TallystickError | null = null;
  const backEnd = owner?.asksBackEnd === true ? context.backEnd : null;
  const verifier = owner?.user.password.verifier ?? null;
  const askBackEnd = async (account: BackEndAccount, password: string): Promise<boolean> => {
    if (backEnd === null) return false;
    if (outage !== null) throw outage;
    try {
      return (await backEnd.verify(account, password)) === 'right';
    } catch (error) {
      const text = 'The back end that knows passwords does not answer.';
      const unavailable = new TallystickError('back-end-unavailable', text, { cause: error });
      // What was compared before was wrong, which nothing may undo.
      if (verifier !== null) {
        fault = unavailable;
        return false;
      }
      outage = unavailable;
      throw outage;
    }
  };
  const judge = async (password: string): Promise<boolean> => {
    if (owner === null || !canBePassword(password)) return false;
    if (await kept.isIt(password)) return true;
    return askBackEnd({ userName: owner.user.userName, domainName: owner.domainName }, password);
  };
  const isRight = async (password: string): Promise<boolean> => {
    const known = judged.get(password);
    if (known !== undefined) return known;
    // Looked at before, and paid for.
    if (outage !== null && unknown.has(password)) throw outage;
    unknown.add(password);
    const came = await judge(password);
    judged.set(password, came);
    wasWrong ||= !came;
    return came;
  };
  return {
    hasJudge: () => verifier !== null || backEnd !== null,
    isRight,
    async isRightIfKnown(password) {
      try {
        return await isRight(password);
      } catch (error) {
        if (error !== outage) throw error;
        return null;
      }
    },
    async rightOf(passwords) {
      for (const password of passwords) if (await kept.isIt(password)) return password;
      for (const password of passwords) if (await isRight(password)) return password;
      return null;
    },
    rightVersion: kept.rightVersion,
    wasWrong: () => wasWrong,
    fault: () => fault,
    outage: () => outage,
    complete: kept.complete,
  };
}

/** What is compared with the password that is kept of a user; null: of nobody. */
function createKeptTape(
  context: Context,
  user: User | null,
): Pick<PasswordTape, 'rightVersion' | 'complete'> & {
  isIt(password: string): Promise<boolean>;
} {
  const judged = new Map<string, boolean>();
  let paid = 0;
  let rightVersion: number | null = null;
  return {
    async isIt(password) {
      if (user === null || !canBePassword(password)) return false;
      const known = judged.get(password);
      if (known !== undefined) return known;
      paid += 1;
      const isSame = await isKept(context, user.id, user.password.verifier, password);
      judged.set(password, isSame);
      if (isSame) rightVersion = user.password.version;
      return isSame;
    },
    rightVersion: () => rightVersion,
    async complete(passwords) {
      for (; paid < passwords; paid += 1) await isKept(context, nobody.id, null, 'nobody');
    },
  };
}

/**
 * Whether a password in a text is right, for whoever has other ways to show who he is: a back end that
 * cannot be asked keeps nobody from showing what only his device can know.
 *
 * @throws TallystickError as `isRight`, unless the text has the form of what one of his devices shows
 */
export async function isRightBesideDevices(
  passwords: PasswordTape,
  password: string,
  credential: PresentedCredential,
  { authenticators }: UserWithAuthenticators,
): Promise<boolean> {
  return hasResponseForm(credential, authenticators)
    ? (await passwords.isRightIfKnown(password)) === true
    : passwords.isRight(password);
}

function canBePassword(password: string): boolean {
  return password !== '' && composed(password).length <= passwordLengthMax;
}

/** The same work whether anything is kept or not. */
async function isKept(
  context: Context,
  userId: string,
  verifier: PasswordVerifier | null,
  password: string,
): Promise<boolean> {
  const mac = await macOf(context, userId, verifier?.salt ?? nobody.salt, password);
  return verifier !== null && isPassword(verifier, mac);
}

/**
 * What is kept of a new password of a user: under his salt, or a fresh one where he has none.
 *
 * @throws TallystickError `overloaded`, or what the module fails with
 */
export async function newPasswordVerifier(
  context: Context,
  { id, password }: Pick<User, 'id' | 'password'>,
  text: string,
): Promise<PasswordVerifier> {
  const salt =
    password.verifier?.salt ?? Buffer.from(context.randomBytes(saltBytes)).toString('hex');
  return { salt, mac: await macOf(context, id, salt, text) };
}

async function macOf(
  context: Context,
  userId: string,
  salt: string,
  password: string,
): Promise<string> {
  const hash = await context.passwordHash.derive(composed(password), Buffer.from(salt, 'hex'));
  const message = passwordMessage(userId, hash);
  try {
    const [mac] = await fromModule(context.module.hmac('password-mac', [message], context.logon));
    return mac === undefined ? '' : Buffer.from(mac).toString('hex');
  } finally {
    message.fill(0);
    hash.fill(0);
  }
}
