/**
 * What the user is told of a publication that a run ended in.
 *
 * @module
 */
import type { Warning } from "../model.ts";
import type { Recovery } from "../ports.ts";

const WAYS: Record<Recovery, string> = {
  "finished": "every file that it had signed and checked has its place now",
  "taken-back": "the release before it is back",
  "left":
    "others have changed its files since, and they are left as they are until a run has written its own",
};

/**
 * Says what has become of the publication.
 *
 * @param dir The release directory, as the user gave it
 */
export function recoveryWarning(recovery: Recovery, dir: string): Warning {
  return {
    code: "interrupted-publication",
    message: `A run ended while it was putting a release into "${dir}": ${WAYS[recovery]}`,
    path: dir,
  };
}

/**
 * Says that a publication has begun and not ended.
 *
 * @param dir The release directory, as the user gave it
 */
export function beingPublished(dir: string): Warning {
  return {
    code: "interrupted-publication",
    message:
      `A release is being put into "${dir}", or the run that did so was interrupted: this is what consumers ` +
      "find there now. The next run finishes it or takes it back",
    path: dir,
  };
}
