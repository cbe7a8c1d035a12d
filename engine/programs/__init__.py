"""Pure rules of each program: surveys, calls, loyalty, coupons, referrals, reviews."""
