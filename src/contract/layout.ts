/**
 * The names in a release directory.
 *
 * @module
 */

/** The two sidecars' file names, which the fleet artifact cannot have. */
export const REVOCATIONS_FILE = "revocations.json";

/** See {@linkcode REVOCATIONS_FILE}. */
export const BOOTSTRAP_NONCES_FILE = "bootstrap-nonces.json";
