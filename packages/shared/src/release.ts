/** The release that this code is, as hello, `status` and logs say it. */
export const release = '0.0.0';
