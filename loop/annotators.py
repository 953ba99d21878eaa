"""Who answers where no person does."""

ORACLE = "oracle@proofloop.local"
"""E-mail address by which the oracle is known in Label Studio and in the ledger; its time is nobody's."""
