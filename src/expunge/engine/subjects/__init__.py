"""Who is meant and what is held about them: identities, copies, holds, orphaned items."""
