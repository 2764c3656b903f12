// Every length, count and wait of this part, named once, units last.
//
// The hash bounds are those on what we agree to compute for a string that someone put into the users
// file: without them one entry could make each login take minutes or gigabytes. The widest hash let
// through costs 4 GiB-passes, which is libsodium's and Dovecot's most expensive preset (1 GiB, 4 passes):
// 4.7 s, measured on a busy virtual machine with two cores.

export const maxUsernameBytes = 64;

export const minPasswordCodePoints = 8;
/** NIST SP 800-63B-4 asks for this many where the password is the only factor: below it we warn. */
export const recommendedPasswordCodePoints = 15;
export const maxPasswordBytes = 1_024;
/**
 * What we agree to normalise at all. Preparation can shorten a password to a third at the most (U+3000,
 * three bytes, becomes one space), so nothing legal is longer than this before it.
 */
export const maxRawPasswordBytes = 4_096;

export const minHashMemoryKib = 8;
export const maxHashMemoryKib = 1_048_576;
export const minHashPasses = 1;
export const maxHashPasses = 64;
export const minHashLanes = 1;
export const maxHashLanes = 16;
/** RFC 9106 section 3.1: each lane has at least eight blocks of one KiB. */
export const minHashMemoryKibPerLane = 8;
export const maxHashWorkKibPasses = 4 * 1_048_576;
export const minSaltBytes = 8;
export const maxSaltBytes = 64;
export const minHashBytes = 16;
export const maxHashBytes = 64;
/** The longest string that keeps all the bounds above has 230 characters. */
export const maxPhcChars = 256;

/** The records and the secret of OPAQUE have one length each. */
export const opaqueRecordBytes = 192;
export const opaqueSecretBytes = 128;
/** A setup file has some 400. */
export const maxOpaqueSetupFileBytes = 4_096;

/** About 45,000 users. */
export const maxUsersFileBytes = 16 * 1_048_576;
export const maxJsonDepth = 32;

/** How long a writer waits for another one: a hundred times what a write takes on a slow disk. */
export const lockWaitMs = 10_000;
export const minLockRetryMs = 2;
export const maxLockRetryMs = 50;
export const maxSymlinks = 40;
