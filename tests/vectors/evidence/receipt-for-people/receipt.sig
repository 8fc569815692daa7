±ÔþT–Hí*x
tO‡h¦©ÖSXÕB]PEÉrãäÈû˜”–¦%xE(ZÍAÛÃ|·ðCqõnƒ7
