/** Key pairs that stand here for everybody to read: golden proofs can be made again with them, and they guard nothing. */
export const goldenKeys = {
  server: {
    publicKey: 'B&JKC@[y[nw9/pLy2e7m+Thd9fW^E=JjM@1j3=KR',
    secretKey: 'JTKVSB%%)fK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6',
  },
  node: {
    publicKey: 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID',
    secretKey: 'D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs',
  },
} as const;

/** Routing id of the connection on which golden proofs hold. */
export const goldenRoutingId = '0102030405060708090a0b0c0d0e0f10';
