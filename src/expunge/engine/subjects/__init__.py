"""The subjects of an order and the data held about them: identities, copies, holds, orphaned items."""
