import type { Application, AuthenticatorWithApplications, User } from '../../src/domain/model.ts';
import { authenticatorWith, userWith } from './support.ts';

/**
 * A database that does to one authenticator what `Store.commit` promises: the conditions of the
 * advance, then all of it or nothing.
 */
export class ModelStore {
  state: AuthenticatorWithApplications;
  user: User = userWith();
  readonly history: Application[];

  constructor(application: Application) {
    this.state = authenticatorWith([application]);
    this.history = [application];
  }

  application(): Application {
    return this.state.applications[0]!;
  }

  /** A success: what it advances, and the user's count. */
  commit(next: Application | null, nowMs: number): boolean {
    if (next === null) return false;
    this.replace(next);
    this.user = { ...this.user, lockCount: 0, lastSuccessAtMs: nowMs };
    return true;
  }

  /** A refusal: counted, and what is remembered of it noted, in the epoch that it was decided in. */
  note(epoch: number, pendingSync: string | null): boolean {
    if (this.application().epoch !== epoch) return false;
    this.replace({ ...this.application(), pendingSync });
    this.user = { ...this.user, lockCount: this.user.lockCount + 1 };
    return true;
  }

  replace(next: Application): void {
    this.state = { ...this.state, applications: [next] };
    this.history.push(next);
  }
}
