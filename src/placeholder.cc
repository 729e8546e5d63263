namespace sidelock {}
