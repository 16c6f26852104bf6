@echo off
rem Sets JAVA_HOME to the home of a JDK 25 or newer: its own value, the java on PATH, then the usual folders.
rem Reads only the `release` file of each candidate, so it starts no JVM.
set wanted=25

if defined JAVA_HOME call :use "%JAVA_HOME%" && exit /b 0
for %%J in (java.exe) do if not "%%~$PATH:J"=="" call :use "%%~dp$PATH:J.." && exit /b 0
for /d %%D in ("%ProgramFiles%\Eclipse Adoptium\*" "%ProgramFiles%\Java\*" "%ProgramFiles%\Microsoft\*") do call :use "%%~D" && exit /b 0
for /d %%D in ("%ProgramFiles%\Zulu\*" "%ProgramFiles%\Amazon Corretto\*" "%ProgramFiles%\BellSoft\*") do call :use "%%~D" && exit /b 0
for /d %%D in ("%LOCALAPPDATA%\Programs\Eclipse Adoptium\*" "%USERPROFILE%\.jdks\*") do call :use "%%~D" && exit /b 0

>&2 echo Phial needs a JDK %wanted% or newer and found none in JAVA_HOME, on PATH or in the usual folders.
>&2 echo Install one and run this again:  winget install EclipseAdoptium.Temurin.%wanted%.JDK
>&2 echo Or point JAVA_HOME at one that is installed elsewhere.
exit /b 1

:use
rem takes a folder, and succeeds when a JDK that is new enough lies there
if not exist "%~1\bin\javac.exe" exit /b 1
if not exist "%~1\release" exit /b 1
for /f "usebackq tokens=1,2 delims==" %%A in ("%~1\release") do (
  if "%%A"=="JAVA_VERSION" for /f "delims=.-+ tokens=1" %%M in ("%%~B") do (
    if %%M GEQ %wanted% (
      set "JAVA_HOME=%~1"
      exit /b 0
    )
  )
)
exit /b 1
