/// When chains begin that several nodes make alike, in seconds.
export const genesis_time = 1_900_000_000;
