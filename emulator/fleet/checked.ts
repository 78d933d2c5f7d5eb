import type { GroupProgram } from './program.ts';
import type { ScenarioParts, ScenarioProblem } from './scenario.ts';

export type Path = ScenarioProblem['path'];
export type Report = (path: Path, message: string) => void;

/** What the groups of a scenario come to, as far as they can be read. */
export interface CheckedGroups {
  readonly parts: ScenarioParts;
  /** The index of the group of each serial. */
  readonly groupBySerial: ReadonlyMap<string, number>;
  /** Whether every token is among them. */
  readonly isEachSerialKnown: boolean;
  /** Null where it is wrong. */
  readonly programs: readonly (GroupProgram | null)[];
}
